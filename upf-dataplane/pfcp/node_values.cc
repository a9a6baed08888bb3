#include "upf-dataplane/pfcp/node_values.h"

#include <algorithm>

#include "upf-dataplane/pfcp/value_reader.h"

namespace sluice::upf::pfcp {
namespace {

// A timer counts in one octet as a buffering duration does (§8.2.29, §8.2.39, §8.2.76).
Read<std::chrono::seconds> read_timer(Bytes value) {
  const auto timer = IeCodec<DlBufferingDuration>::read(value);
  if (!timer) return std::unexpected(timer.error());
  return timer->time.value_or(std::chrono::seconds::max());
}

void write_timer(std::chrono::seconds time, ByteWriter& out) {
  IeCodec<DlBufferingDuration>::write({time}, out);
}

}  // namespace

Read<UpFunctionFeatures> IeCodec<UpFunctionFeatures>::read(Bytes value) {
  UpFunctionFeatures features;
  for (size_t i = 0; i < value.size() && i < sizeof features.bits; ++i) {
    features.bits |= uint64_t{value[i]} << (8 * i);
  }
  if (value.size() < 2) return cut_off();
  return features;
}
// Release 17 has eight octets of features; a receiver takes those that it knows.
void IeCodec<UpFunctionFeatures>::write(const UpFunctionFeatures& v, ByteWriter& out) {
  for (size_t i = 0; i < sizeof v.bits; ++i) out.u8(static_cast<uint8_t>(v.bits >> (8 * i)));
}

Read<CpFunctionFeatures> IeCodec<CpFunctionFeatures>::read(Bytes value) {
  if (value.empty()) return cut_off();
  CpFunctionFeatures features;
  for (size_t i = 0; i < value.size() && i < sizeof features.bits; ++i) {
    features.bits |= uint64_t{value[i]} << (8 * i);
  }
  return features;
}
void IeCodec<CpFunctionFeatures>::write(const CpFunctionFeatures& v, ByteWriter& out) {
  out.u8(static_cast<uint8_t>(v.bits));
}

Read<SequenceNumber> IeCodec<SequenceNumber>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(SequenceNumber{in.u32()});
}
void IeCodec<SequenceNumber>::write(const SequenceNumber& v, ByteWriter& out) { out.u32(v.value); }

Read<Metric> IeCodec<Metric>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(Metric{in.u8()});
}
void IeCodec<Metric>::write(const Metric& v, ByteWriter& out) { out.u8(v.percent); }

Read<Timer> IeCodec<Timer>::read(Bytes value) {
  const auto time = read_timer(value);
  if (!time) return std::unexpected(time.error());
  return Timer{*time};
}
void IeCodec<Timer>::write(const Timer& v, ByteWriter& out) { write_timer(v.time, out); }

Read<PfcpAssociationReleaseRequest> IeCodec<PfcpAssociationReleaseRequest>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(PfcpAssociationReleaseRequest{(in.u8() & 0x01) != 0});
}
void IeCodec<PfcpAssociationReleaseRequest>::write(const PfcpAssociationReleaseRequest& v,
                                                   ByteWriter& out) {
  out.u8(v.by_us ? 0x01 : 0);
}

Read<GracefulReleasePeriod> IeCodec<GracefulReleasePeriod>::read(Bytes value) {
  const auto time = read_timer(value);
  if (!time) return std::unexpected(time.error());
  return GracefulReleasePeriod{*time};
}
void IeCodec<GracefulReleasePeriod>::write(const GracefulReleasePeriod& v, ByteWriter& out) {
  write_timer(v.time, out);
}

Read<NodeReportType> IeCodec<NodeReportType>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(NodeReportType{in.u8()});
}
void IeCodec<NodeReportType>::write(const NodeReportType& v, ByteWriter& out) { out.u8(v.types); }

Read<RemoteGtpUPeer> IeCodec<RemoteGtpUPeer>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t flags = in.u8();
  if ((flags & 0x02) != 0) return in.finish(RemoteGtpUPeer{IpAddress(in.v4())});
  if ((flags & 0x01) != 0) return in.finish(RemoteGtpUPeer{IpAddress(in.v6())});
  if (in.failed()) return in.error();
  return incorrect("has neither an IPv4 nor an IPv6 address");
}
void IeCodec<RemoteGtpUPeer>::write(const RemoteGtpUPeer& v, ByteWriter& out) {
  out.u8(v.address.is_v4() ? 0x02 : 0x01);
  if (v.address.is_v4()) {
    write_v4(v.address.v4(), out);
  } else {
    write_v6(v.address.v6(), out);
  }
}

}  // namespace sluice::upf::pfcp
