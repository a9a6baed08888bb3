#include "upf-dataplane/pfcp/packet_rate_values.h"

#include <array>

#include "upf-dataplane/pfcp/value_reader.h"

namespace sluice::upf::pfcp {
namespace {

using std::chrono::seconds;

constexpr uint8_t kUplink = 0x01;
constexpr uint8_t kDownlink = 0x02;
constexpr uint8_t kAdditional = 0x04;
constexpr std::array<seconds, 5> kUnits = {seconds(60), seconds(360), seconds(3600),
                                           seconds(86'400), seconds(604'800)};
constexpr seconds kNtpOffset{2'208'988'800};  // from 1900 to 1970

// Units that the standard leaves open are read as minutes (§8.2.63).
PacketRate read_rate(ValueReader& in) {
  const uint8_t unit = in.u8() & 0x07;
  return {.packets = in.u16(), .time = kUnits[unit < kUnits.size() ? unit : 0]};
}

void write_rate(const PacketRate& rate, ByteWriter& out) {
  uint8_t unit = 0;
  for (uint8_t i = 0; i < kUnits.size(); ++i) {
    if (kUnits[i] == rate.time) unit = i;
  }
  out.u8(unit);
  out.u16(rate.packets);
}

}  // namespace

Read<PacketRateValue> IeCodec<PacketRateValue>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t flags = in.u8();
  PacketRateValue v;
  if ((flags & kUplink) != 0) v.rates.uplink = read_rate(in);
  if ((flags & kDownlink) != 0) v.rates.downlink = read_rate(in);
  if (in.failed()) return in.error();
  if ((flags & kAdditional) != 0) return unsupported("packets beyond the rate are not told apart");
  if (!v.rates.uplink && !v.rates.downlink) return incorrect("limits no direction");
  return v;
}
void IeCodec<PacketRateValue>::write(const PacketRateValue& v, ByteWriter& out) {
  out.u8(static_cast<uint8_t>((v.rates.uplink ? kUplink : 0) | (v.rates.downlink ? kDownlink : 0)));
  if (v.rates.uplink) write_rate(*v.rates.uplink, out);
  if (v.rates.downlink) write_rate(*v.rates.downlink, out);
}

Read<PacketRateStatus> IeCodec<PacketRateStatus>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t flags = in.u8();
  PacketRateStatus v;
  if ((flags & kUplink) != 0) {
    v.left.uplink = in.u16();
    if ((flags & kAdditional) != 0) in.u16();
  }
  if ((flags & kDownlink) != 0) {
    v.left.downlink = in.u16();
    if ((flags & kAdditional) != 0) in.u16();
  }
  // As in NTP: seconds, and their fraction.
  if (!in.failed() && in.remaining() > 0) {
    v.left.until = std::chrono::sys_seconds(seconds(in.u64() >> 32) - kNtpOffset);
  }
  return in.finish(v);
}
void IeCodec<PacketRateStatus>::write(const PacketRateStatus& v, ByteWriter& out) {
  const PacketRateLeft& left = v.left;
  out.u8(static_cast<uint8_t>((left.uplink ? kUplink : 0) | (left.downlink ? kDownlink : 0)));
  if (left.uplink) out.u16(*left.uplink);
  if (left.downlink) out.u16(*left.downlink);
  if (!left.until) return;
  const auto ntp = left.until->time_since_epoch() + kNtpOffset;
  out.u64(static_cast<uint64_t>(ntp.count()) << 32);
}

Read<QerControlIndications> IeCodec<QerControlIndications>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(QerControlIndications{in.u8()});
}
void IeCodec<QerControlIndications>::write(const QerControlIndications& v, ByteWriter& out) {
  out.u8(v.flags);
}

}  // namespace sluice::upf::pfcp
