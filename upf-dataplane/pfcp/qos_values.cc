// The values of QoS rules: rates, indications and markings.
#include "upf-dataplane/pfcp/value_reader.h"

namespace sluice::upf::pfcp {
namespace {

constexpr uint64_t kMaxRate = (uint64_t{1} << 40) - 1;  // five octets of kb/s

uint64_t read_rate(ValueReader& in) {
  const uint64_t high = in.u8();
  return high << 32 | in.u32();
}

Read<BitRates> read_rates(Bytes value) {
  ValueReader in(value);
  BitRates rates;
  rates.uplink_kbps = read_rate(in);
  rates.downlink_kbps = read_rate(in);
  return in.finish(rates);
}

void write_rates(const BitRates& rates, ByteWriter& out) {
  for (const uint64_t rate : {rates.uplink_kbps, rates.downlink_kbps}) {
    const uint64_t kbps = std::min(rate, kMaxRate);
    out.u8(static_cast<uint8_t>(kbps >> 32));
    out.u32(static_cast<uint32_t>(kbps));
  }
}

}  // namespace

Read<Mbr> IeCodec<Mbr>::read(Bytes value) {
  const auto rates = read_rates(value);
  if (!rates) return std::unexpected(rates.error());
  return Mbr{*rates};
}
void IeCodec<Mbr>::write(const Mbr& v, ByteWriter& out) { write_rates(v.rates, out); }

Read<Gbr> IeCodec<Gbr>::read(Bytes value) {
  const auto rates = read_rates(value);
  if (!rates) return std::unexpected(rates.error());
  return Gbr{*rates};
}
void IeCodec<Gbr>::write(const Gbr& v, ByteWriter& out) { write_rates(v.rates, out); }

Read<Rqi> IeCodec<Rqi>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(Rqi{(in.u8() & 0x01) != 0});
}
void IeCodec<Rqi>::write(const Rqi& v, ByteWriter& out) { out.u8(v.reflective ? 1 : 0); }

Read<PagingPolicyIndicator> IeCodec<PagingPolicyIndicator>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(PagingPolicyIndicator{static_cast<uint8_t>(in.u8() & 0x07)});
}
void IeCodec<PagingPolicyIndicator>::write(const PagingPolicyIndicator& v, ByteWriter& out) {
  out.u8(v.value);
}

Read<AveragingWindow> IeCodec<AveragingWindow>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(AveragingWindow{std::chrono::milliseconds(in.u32())});
}
void IeCodec<AveragingWindow>::write(const AveragingWindow& v, ByteWriter& out) {
  out.u32(static_cast<uint32_t>(v.length.count()));
}

// ToS or traffic class, then its mask.
Read<TransportLevelMarking> IeCodec<TransportLevelMarking>::read(Bytes value) {
  ValueReader in(value);
  Marking marking;
  marking.tos = in.u8();
  marking.mask = in.u8();
  return in.finish(TransportLevelMarking{marking});
}
void IeCodec<TransportLevelMarking>::write(const TransportLevelMarking& v, ByteWriter& out) {
  out.u8(v.marking.tos);
  out.u8(v.marking.mask);
}

}  // namespace sluice::upf::pfcp
