// The values that hold addresses: node ids, F-SEID, F-TEID, UE IP Address, outer headers.
#include <fmt/format.h>

#include "upf-dataplane/pfcp/names.h"
#include "upf-dataplane/pfcp/value_reader.h"

namespace sluice::upf::pfcp {
namespace {

constexpr uint8_t kNodeIpv4 = 0;
constexpr uint8_t kNodeIpv6 = 1;
constexpr uint8_t kNodeFqdn = 2;

}  // namespace

Read<NodeId> IeCodec<NodeId>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t type = in.u8() & 0x0f;
  NodeId id;
  switch (type) {
    case kNodeIpv4:
      id.address = in.v4();
      break;
    case kNodeIpv6:
      id.address = in.v6();
      break;
    case kNodeFqdn: {
      const auto name = labels_to_name(in.rest());
      if (!name) return incorrect("its FQDN is not a sequence of labels");
      id.fqdn = *name;
      break;
    }
    default:
      return incorrect(fmt::format("no node id of type {}", type));
  }
  return in.finish(std::move(id));
}
void IeCodec<NodeId>::write(const NodeId& v, ByteWriter& out) {
  if (!v.address) {
    out.u8(kNodeFqdn);
    write_labels(v.fqdn, out);
  } else if (v.address->is_v4()) {
    out.u8(kNodeIpv4);
    write_v4(v.address->v4(), out);
  } else {
    out.u8(kNodeIpv6);
    write_v6(v.address->v6(), out);
  }
}

Read<FSeid> IeCodec<FSeid>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t flags = in.u8();
  FSeid id{.seid = in.u64()};
  if ((flags & 0x02) != 0) id.v4 = in.v4();
  if ((flags & 0x01) != 0) id.v6 = in.v6();
  if (!in.failed() && !id.v4 && !id.v6) return incorrect("has neither an IPv4 nor an IPv6 address");
  return in.finish(id);
}
void IeCodec<FSeid>::write(const FSeid& v, ByteWriter& out) {
  out.u8(static_cast<uint8_t>((v.v4 ? 0x02 : 0) | (v.v6 ? 0x01 : 0)));
  out.u64(v.seid);
  if (v.v4) write_v4(*v.v4, out);
  if (v.v6) write_v6(*v.v6, out);
}

Read<FTeid> IeCodec<FTeid>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t flags = in.u8();
  const bool v4 = (flags & 0x01) != 0;
  const bool v6 = (flags & 0x02) != 0;
  const bool choose_id = (flags & 0x08) != 0;
  FTeid f;
  f.choose = (flags & 0x04) != 0;
  if (!v4 && !v6 && !in.failed()) return incorrect("asks for neither IPv4 nor IPv6");
  if (f.choose) {
    f.want_v4 = v4;
    f.want_v6 = v6;
    if (choose_id) f.choose_id = in.u8();
    return in.finish(f);
  }
  if (choose_id) return incorrect("has CHID without CH");
  f.teid = Teid(in.u32());
  if (v4) f.v4 = in.v4();
  if (v6) f.v6 = in.v6();
  return in.finish(f);
}
void IeCodec<FTeid>::write(const FTeid& v, ByteWriter& out) {
  const bool v4 = v.choose ? v.want_v4 : v.v4.has_value();
  const bool v6 = v.choose ? v.want_v6 : v.v6.has_value();
  const bool choose_id = v.choose && v.choose_id;
  out.u8(static_cast<uint8_t>((v4 ? 0x01 : 0) | (v6 ? 0x02 : 0) | (v.choose ? 0x04 : 0) |
                              (choose_id ? 0x08 : 0)));
  if (v.choose) {
    if (choose_id) out.u8(*v.choose_id);
    return;
  }
  out.u32(v.teid.value());
  if (v.v4) write_v4(*v.v4, out);
  if (v.v6) write_v6(*v.v6, out);
}

Read<UeIpAddress> IeCodec<UeIpAddress>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t flags = in.u8();
  UeIpAddress ue;
  ue.is_destination = (flags & 0x04) != 0;
  ue.choose_v4 = (flags & 0x10) != 0;
  ue.choose_v6 = (flags & 0x20) != 0;
  if ((flags & 0x02) != 0) ue.v4 = in.v4();
  const bool has_v6 = (flags & 0x01) != 0;
  const Ipv6Address v6 = has_v6 ? in.v6() : Ipv6Address();
  unsigned length = 64;
  if ((flags & 0x08) != 0) {  // IPv6D: that many bits before the 64th vary
    const unsigned delegated = in.u8();
    if (delegated > 64) return incorrect(fmt::format("delegates {} bits of a /64", delegated));
    length = 64 - delegated;
  }
  if ((flags & 0x40) != 0) length = in.u8();  // IP6PL; never together with IPv6D
  if (in.failed()) return in.error();
  if ((flags & 0x48) == 0x48) return incorrect("has both IPv6D and IP6PL");
  if (ue.choose_v6) ue.choose_v6_length = length;
  if (has_v6) {
    const auto prefix = IpPrefix::make(v6, length);
    if (!prefix || length == 0) return incorrect(fmt::format("has a prefix of {} bits", length));
    ue.v6 = *prefix;
  }
  return ue;
}
void IeCodec<UeIpAddress>::write(const UeIpAddress& v, ByteWriter& out) {
  const unsigned length = v.v6 ? v.v6->length() : v.choose_v6 ? v.choose_v6_length : 64;
  const bool states_length = length != 64;
  out.u8(static_cast<uint8_t>((v.v6 ? 0x01 : 0) | (v.v4 ? 0x02 : 0) |
                              (v.is_destination ? 0x04 : 0) | (v.choose_v4 ? 0x10 : 0) |
                              (v.choose_v6 ? 0x20 : 0) | (states_length ? 0x40 : 0)));
  if (v.v4) write_v4(*v.v4, out);
  if (v.v6) write_v6(v.v6->address().v6(), out);
  if (states_length) out.u8(static_cast<uint8_t>(length));
}

OuterHeaderCreation OuterHeaderCreation::gtp_u(Teid teid, IpAddress peer) {
  OuterHeaderCreation header{.description = peer.is_v4() ? kGtpUUdpIpv4 : kGtpUUdpIpv6,
                             .teid = teid};
  if (peer.is_v4()) {
    header.v4 = peer.v4();
  } else {
    header.v6 = peer.v6();
  }
  return header;
}

Read<OuterHeaderCreation> IeCodec<OuterHeaderCreation>::read(Bytes value) {
  using H = OuterHeaderCreation;
  ValueReader in(value);
  H h{.description = in.u16()};
  const auto has = [&h](uint16_t bits) { return (h.description & bits) != 0; };
  if (has(H::kGtpUUdpIpv4 | H::kGtpUUdpIpv6)) h.teid = Teid(in.u32());
  if (has(H::kGtpUUdpIpv4 | H::kUdpIpv4 | H::kIpv4)) h.v4 = in.v4();
  if (has(H::kGtpUUdpIpv6 | H::kUdpIpv6 | H::kIpv6)) h.v6 = in.v6();
  if (has(H::kUdpIpv4 | H::kUdpIpv6)) h.port = in.u16();
  return in.finish(h);
}
void IeCodec<OuterHeaderCreation>::write(const OuterHeaderCreation& v, ByteWriter& out) {
  out.u16(v.description);
  if (v.teid) out.u32(v.teid->value());
  if (v.v4) write_v4(*v.v4, out);
  if (v.v6) write_v6(*v.v6, out);
  if (v.port) out.u16(*v.port);
}

}  // namespace sluice::upf::pfcp
