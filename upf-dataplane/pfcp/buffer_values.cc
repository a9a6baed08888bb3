// The values of buffering rules and downlink data reports.
#include <algorithm>

#include "upf-dataplane/pfcp/value_reader.h"

namespace sluice::upf::pfcp {
namespace {

using std::chrono::seconds;

constexpr std::chrono::milliseconds kDelayUnit{50};
// §8.2.29: what the upper three bits of a duration count; 7 is infinite, others are minutes.
constexpr seconds kDurationUnits[] = {seconds(2), seconds(60), seconds(600), seconds(3600),
                                      seconds(36'000)};
constexpr uint8_t kInfinite = 7;

}  // namespace

Read<BarId> IeCodec<BarId>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(BarId(in.u8()));
}
void IeCodec<BarId>::write(const BarId& v, ByteWriter& out) { out.u8(v.value()); }

Read<DownlinkDataNotificationDelay> IeCodec<DownlinkDataNotificationDelay>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(DownlinkDataNotificationDelay{in.u8() * kDelayUnit});
}
void IeCodec<DownlinkDataNotificationDelay>::write(const DownlinkDataNotificationDelay& v,
                                                   ByteWriter& out) {
  out.u8(static_cast<uint8_t>(std::min<int64_t>(v.time / kDelayUnit, 255)));
}

Read<SuggestedBufferingPacketsCount> IeCodec<SuggestedBufferingPacketsCount>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(SuggestedBufferingPacketsCount{in.u8()});
}
void IeCodec<SuggestedBufferingPacketsCount>::write(const SuggestedBufferingPacketsCount& v,
                                                    ByteWriter& out) {
  out.u8(v.packets);
}

Read<DlBufferingSuggestedPacketCount> IeCodec<DlBufferingSuggestedPacketCount>::read(Bytes value) {
  ValueReader in(value);
  const uint16_t packets = value.size() == 1 ? in.u8() : in.u16();
  return in.finish(DlBufferingSuggestedPacketCount{packets});
}
void IeCodec<DlBufferingSuggestedPacketCount>::write(const DlBufferingSuggestedPacketCount& v,
                                                     ByteWriter& out) {
  if (v.packets <= 0xff) return out.u8(static_cast<uint8_t>(v.packets));
  out.u16(v.packets);
}

Read<DlBufferingDuration> IeCodec<DlBufferingDuration>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t timer = in.u8();
  if (in.failed()) return in.error();
  const auto unit = static_cast<size_t>(timer >> 5);
  if (unit == kInfinite) return DlBufferingDuration{};
  const seconds step = unit < std::size(kDurationUnits) ? kDurationUnits[unit] : seconds(60);
  return DlBufferingDuration{(timer & 0x1f) * step};
}
void IeCodec<DlBufferingDuration>::write(const DlBufferingDuration& v, ByteWriter& out) {
  if (!v.time) return out.u8(kInfinite << 5);
  for (size_t unit = 0; unit < std::size(kDurationUnits); ++unit) {
    const auto count = *v.time / kDurationUnits[unit];
    if (count <= 31) return out.u8(static_cast<uint8_t>(unit << 5 | static_cast<size_t>(count)));
  }
  out.u8(kInfinite << 5);
}

Read<DownlinkDataServiceInformation> IeCodec<DownlinkDataServiceInformation>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t flags = in.u8();
  DownlinkDataServiceInformation info;
  if ((flags & 0x01) != 0) info.paging_policy = in.u8() & 0x3f;
  if ((flags & 0x02) != 0) info.qfi = Qfi(in.u8() & 0x3f);
  return in.finish(info);
}
void IeCodec<DownlinkDataServiceInformation>::write(const DownlinkDataServiceInformation& v,
                                                    ByteWriter& out) {
  out.u8(static_cast<uint8_t>((v.paging_policy ? 0x01 : 0) | (v.qfi ? 0x02 : 0)));
  if (v.paging_policy) out.u8(*v.paging_policy);
  if (v.qfi) out.u8(v.qfi->value());
}

Read<PfcpSrRspFlags> IeCodec<PfcpSrRspFlags>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(PfcpSrRspFlags{(in.u8() & 0x01) != 0});
}
void IeCodec<PfcpSrRspFlags>::write(const PfcpSrRspFlags& v, ByteWriter& out) {
  out.u8(v.drop_buffered ? 1 : 0);
}

}  // namespace sluice::upf::pfcp
