#include "upf-dataplane/pfcp/endpoint_values.h"

#include <fmt/format.h>

#include <string_view>

#include "upf-dataplane/pfcp/value_reader.h"

namespace sluice::upf::pfcp {
namespace {

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

unsigned class_bits(Ipv4Address address) {
  const uint8_t first = address.bytes()[0];
  return first < 128 ? 8 : first < 192 ? 16 : 24;
}

Read<IpPrefix> read_route(Bytes value, bool is_v4) {
  std::string_view text = text_of(value);
  text = text.substr(0, text.find_first_of(std::string_view(" \0", 2)));
  auto prefix = IpPrefix::parse(text);
  if (!prefix || prefix->is_v4() != is_v4) {
    return incorrect(fmt::format("does not begin with an {} prefix", is_v4 ? "IPv4" : "IPv6"));
  }
  const bool has_length = text.find('/') != std::string_view::npos;
  const unsigned bits =
      is_v4 && !has_length ? class_bits(prefix->address().v4()) : prefix->length();
  return IpPrefix::make(IpPrefix::make(prefix->address(), bits)->network(), bits).value();
}

}  // namespace

Read<TrafficEndpointId> IeCodec<TrafficEndpointId>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(TrafficEndpointId{in.u8()});
}
void IeCodec<TrafficEndpointId>::write(const TrafficEndpointId& v, ByteWriter& out) {
  out.u8(v.value);
}

Read<UeIpAddressPoolIdentity> IeCodec<UeIpAddressPoolIdentity>::read(Bytes value) {
  ValueReader in(value);
  const Bytes name = in.take(in.u16());
  return in.finish(UeIpAddressPoolIdentity{std::string(text_of(name))});
}
void IeCodec<UeIpAddressPoolIdentity>::write(const UeIpAddressPoolIdentity& v, ByteWriter& out) {
  out.u16(static_cast<uint16_t>(v.name.size()));
  out.append(bytes_of(v.name));
}

Read<FramedRoute> IeCodec<FramedRoute>::read(Bytes value) {
  const auto route = read_route(value, true);
  if (!route) return std::unexpected(route.error());
  return FramedRoute{*route};
}
void IeCodec<FramedRoute>::write(const FramedRoute& v, ByteWriter& out) {
  out.append(bytes_of(v.prefix.to_string() + " 0.0.0.0 1"));
}

Read<FramedIpv6Route> IeCodec<FramedIpv6Route>::read(Bytes value) {
  const auto route = read_route(value, false);
  if (!route) return std::unexpected(route.error());
  return FramedIpv6Route{*route};
}
void IeCodec<FramedIpv6Route>::write(const FramedIpv6Route& v, ByteWriter& out) {
  out.append(bytes_of(v.prefix.to_string() + " :: 1"));
}

Read<FramedRouting> IeCodec<FramedRouting>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(FramedRouting{in.u32()});
}
void IeCodec<FramedRouting>::write(const FramedRouting& v, ByteWriter& out) { out.u32(v.value); }

Read<IpVersion> IeCodec<IpVersion>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t flags = in.u8();
  return in.finish(IpVersion{.v4 = (flags & 0x01) != 0, .v6 = (flags & 0x02) != 0});
}
void IeCodec<IpVersion>::write(const IpVersion& v, ByteWriter& out) {
  out.u8(static_cast<uint8_t>((v.v4 ? 0x01 : 0) | (v.v6 ? 0x02 : 0)));
}

}  // namespace sluice::upf::pfcp
