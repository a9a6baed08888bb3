// Each is written as its counterpart for the time before.
#include "upf-dataplane/pfcp/monitoring_values.h"

#include "upf-dataplane/pfcp/value_reader.h"

namespace sluice::upf::pfcp {

#define SAME_AS(T, Other, member)                       \
  Read<T> IeCodec<T>::read(Bytes value) {               \
    const auto read = IeCodec<Other>::read(value);      \
    if (!read) return std::unexpected(read.error());    \
    return T{read->member};                             \
  }                                                     \
  void IeCodec<T>::write(const T& v, ByteWriter& out) { \
    IeCodec<Other>::write(Other{v.member}, out);        \
  }
SAME_AS(MonitoringTime, StartTime, time)
SAME_AS(SubsequentVolumeThreshold, VolumeThreshold, volumes)
SAME_AS(SubsequentVolumeQuota, VolumeQuota, volumes)
SAME_AS(SubsequentTimeThreshold, TimeThreshold, value)
SAME_AS(SubsequentTimeQuota, TimeQuota, value)
SAME_AS(SubsequentEventThreshold, EventThreshold, value)
SAME_AS(SubsequentEventQuota, EventQuota, value)
#undef SAME_AS

Read<UsageInformation> IeCodec<UsageInformation>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(UsageInformation{in.u8()});
}
void IeCodec<UsageInformation>::write(const UsageInformation& v, ByteWriter& out) {
  out.u8(v.flags);
}

}  // namespace sluice::upf::pfcp
