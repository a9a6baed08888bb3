// The values of usage reporting rules and usage reports.
#include "upf-dataplane/pfcp/value_reader.h"

namespace sluice::upf::pfcp {
namespace {

constexpr std::chrono::seconds kNtpOffset{2'208'988'800};  // from 1900 to 1970

constexpr uint8_t kTotal = 0x01;
constexpr uint8_t kUplink = 0x02;
constexpr uint8_t kDownlink = 0x04;
constexpr uint8_t kPacketCounts = 0x38;

Read<Volumes> read_volumes(Bytes value) {
  ValueReader in(value);
  const uint8_t flags = in.u8();
  Volumes volumes;
  if ((flags & kTotal) != 0) volumes.total = in.u64();
  if ((flags & kUplink) != 0) volumes.uplink = in.u64();
  if ((flags & kDownlink) != 0) volumes.downlink = in.u64();
  return in.finish(volumes);
}

void write_volumes(const Volumes& v, ByteWriter& out) {
  out.u8(static_cast<uint8_t>((v.total ? kTotal : 0) | (v.uplink ? kUplink : 0) |
                              (v.downlink ? kDownlink : 0)));
  for (const auto* volume : {&v.total, &v.uplink, &v.downlink}) {
    if (*volume) out.u64(**volume);
  }
}

}  // namespace

#define NUMBER_CODEC(T)                   \
  Read<T> IeCodec<T>::read(Bytes value) { \
    ValueReader in(value);                \
    return in.finish(T{in.u32()});        \
  }                                       \
  void IeCodec<T>::write(const T& v, ByteWriter& out) { out.u32(v.value); }
NUMBER_CODEC(MeasurementPeriod)
NUMBER_CODEC(TimeThreshold)
NUMBER_CODEC(TimeQuota)
NUMBER_CODEC(QuotaHoldingTime)
NUMBER_CODEC(QuotaValidityTime)
NUMBER_CODEC(InactivityDetectionTime)
NUMBER_CODEC(EventThreshold)
NUMBER_CODEC(EventQuota)
NUMBER_CODEC(LinkedUrrId)
NUMBER_CODEC(UrSeqn)
NUMBER_CODEC(DurationMeasurement)
NUMBER_CODEC(QueryUrrReference)
#undef NUMBER_CODEC

#define TIME_CODEC(T)                                                                 \
  Read<T> IeCodec<T>::read(Bytes value) {                                             \
    ValueReader in(value);                                                            \
    const std::chrono::seconds ntp{in.u32()};                                         \
    return in.finish(T{std::chrono::sys_seconds(ntp - kNtpOffset)});                  \
  }                                                                                   \
  void IeCodec<T>::write(const T& v, ByteWriter& out) {                               \
    out.u32(static_cast<uint32_t>((v.time.time_since_epoch() + kNtpOffset).count())); \
  }
TIME_CODEC(StartTime)
TIME_CODEC(EndTime)
TIME_CODEC(TimeOfFirstPacket)
TIME_CODEC(TimeOfLastPacket)
#undef TIME_CODEC

Read<UrrId> IeCodec<UrrId>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(UrrId(in.u32()));
}
void IeCodec<UrrId>::write(const UrrId& v, ByteWriter& out) { out.u32(v.value()); }

Read<MeasurementMethod> IeCodec<MeasurementMethod>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t flags = in.u8();
  return in.finish(MeasurementMethod{
      .time = (flags & 0x01) != 0, .volume = (flags & 0x02) != 0, .events = (flags & 0x04) != 0});
}
void IeCodec<MeasurementMethod>::write(const MeasurementMethod& v, ByteWriter& out) {
  out.u8(static_cast<uint8_t>((v.time ? 1 : 0) | (v.volume ? 2 : 0) | (v.events ? 4 : 0)));
}

Read<ReportingTriggersValue> IeCodec<ReportingTriggersValue>::read(Bytes value) {
  ValueReader in(value);
  uint32_t triggers = in.u8();
  triggers |= uint32_t{in.u8()} << 8;
  if (in.remaining() > 0) triggers |= uint32_t{in.u8()} << 16;
  return in.finish(ReportingTriggersValue{triggers});
}
void IeCodec<ReportingTriggersValue>::write(const ReportingTriggersValue& v, ByteWriter& out) {
  for (int shift = 0; shift < 24; shift += 8) out.u8(static_cast<uint8_t>(v.triggers >> shift));
}

Read<MeasurementInformation> IeCodec<MeasurementInformation>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(MeasurementInformation{in.u8()});
}
void IeCodec<MeasurementInformation>::write(const MeasurementInformation& v, ByteWriter& out) {
  out.u8(v.flags);
}

Read<VolumeThreshold> IeCodec<VolumeThreshold>::read(Bytes value) {
  const auto volumes = read_volumes(value);
  if (!volumes) return std::unexpected(volumes.error());
  return VolumeThreshold{*volumes};
}
void IeCodec<VolumeThreshold>::write(const VolumeThreshold& v, ByteWriter& out) {
  write_volumes(v.volumes, out);
}

Read<VolumeQuota> IeCodec<VolumeQuota>::read(Bytes value) {
  const auto volumes = read_volumes(value);
  if (!volumes) return std::unexpected(volumes.error());
  return VolumeQuota{*volumes};
}
void IeCodec<VolumeQuota>::write(const VolumeQuota& v, ByteWriter& out) {
  write_volumes(v.volumes, out);
}

// Always all three volumes, and with packets all three counts.
Read<VolumeMeasurement> IeCodec<VolumeMeasurement>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t flags = in.u8();
  VolumeMeasurement v{.totals = {}, .has_packets = (flags & kPacketCounts) != 0};
  if ((flags & kTotal) != 0) in.u64();
  if ((flags & kUplink) != 0) v.totals.uplink_bytes = in.u64();
  if ((flags & kDownlink) != 0) v.totals.downlink_bytes = in.u64();
  if ((flags & kTotal << 3) != 0) in.u64();
  if ((flags & kUplink << 3) != 0) v.totals.uplink_packets = in.u64();
  if ((flags & kDownlink << 3) != 0) v.totals.downlink_packets = in.u64();
  return in.finish(v);
}
void IeCodec<VolumeMeasurement>::write(const VolumeMeasurement& v, ByteWriter& out) {
  out.u8(static_cast<uint8_t>(kTotal | kUplink | kDownlink | (v.has_packets ? kPacketCounts : 0)));
  const UsageTotals& t = v.totals;
  for (const uint64_t volume : {t.bytes(), t.uplink_bytes, t.downlink_bytes}) out.u64(volume);
  if (!v.has_packets) return;
  out.u64(t.uplink_packets + t.downlink_packets);
  out.u64(t.uplink_packets);
  out.u64(t.downlink_packets);
}

Read<UsageReportTrigger> IeCodec<UsageReportTrigger>::read(Bytes value) {
  ValueReader in(value);
  uint32_t triggers = in.u8();
  triggers |= uint32_t{in.u8()} << 8;
  if (in.remaining() > 0) triggers |= uint32_t{in.u8()} << 16;
  return in.finish(UsageReportTrigger{triggers});
}
void IeCodec<UsageReportTrigger>::write(const UsageReportTrigger& v, ByteWriter& out) {
  for (int shift = 0; shift < 24; shift += 8) out.u8(static_cast<uint8_t>(v.triggers >> shift));
}

Read<ReportType> IeCodec<ReportType>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(ReportType{in.u8()});
}
void IeCodec<ReportType>::write(const ReportType& v, ByteWriter& out) { out.u8(v.types); }

Read<PfcpSmReqFlags> IeCodec<PfcpSmReqFlags>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(PfcpSmReqFlags{in.u8()});
}
void IeCodec<PfcpSmReqFlags>::write(const PfcpSmReqFlags& v, ByteWriter& out) { out.u8(v.flags); }

}  // namespace sluice::upf::pfcp
