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

Read<DroppedDlTrafficThreshold> IeCodec<DroppedDlTrafficThreshold>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t flags = in.u8();
  DroppedDlTrafficThreshold v;
  if ((flags & 0x01) != 0) v.traffic.packets = in.u64();
  if ((flags & 0x02) != 0) v.traffic.bytes = in.u64();
  return in.finish(v);
}
void IeCodec<DroppedDlTrafficThreshold>::write(const DroppedDlTrafficThreshold& v,
                                               ByteWriter& out) {
  out.u8(static_cast<uint8_t>((v.traffic.packets ? 0x01 : 0) | (v.traffic.bytes ? 0x02 : 0)));
  if (v.traffic.packets) out.u64(*v.traffic.packets);
  if (v.traffic.bytes) out.u64(*v.traffic.bytes);
}

Read<NumberOfReports> IeCodec<NumberOfReports>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(NumberOfReports{in.u16()});
}
void IeCodec<NumberOfReports>::write(const NumberOfReports& v, ByteWriter& out) {
  out.u16(v.value);
}

Read<UsageInformation> IeCodec<UsageInformation>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(UsageInformation{in.u8()});
}
void IeCodec<UsageInformation>::write(const UsageInformation& v, ByteWriter& out) {
  out.u8(v.flags);
}

}  // namespace sluice::upf::pfcp
