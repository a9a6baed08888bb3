#include "mep/dns/client_subnet.h"

#include <algorithm>

#include "mep/dns/wire.h"

namespace sluice::mep::dns {
namespace {

constexpr uint16_t kIpv4 = 1;
constexpr uint16_t kIpv6 = 2;

unsigned max_bits(uint16_t family) { return family == kIpv4 ? 32 : family == kIpv6 ? 128 : 0; }

// A loopback or link-local address says nothing to a server elsewhere.
bool means_something_elsewhere(const IpAddress& client) {
  if (client.is_v4()) {
    const uint32_t value = client.v4().value();
    return value >> 24 != 127 && value >> 16 != 0xa9fe;
  }
  static const IpAddress kLoopback = *IpAddress::parse("::1");
  return client != kLoopback && !client.v6().is_link_local();
}

}  // namespace

ClientSubnet ClientSubnet::of(const IpAddress& address, unsigned bits) {
  ClientSubnet out;
  out.family = address.is_v4() ? kIpv4 : kIpv6;
  const auto& bytes = address.v6().bytes();
  const size_t skip = address.is_v4() ? 12 : 0;
  std::copy(bytes.begin() + static_cast<long>(skip), bytes.end(), out.address.begin());
  out.source = static_cast<uint8_t>(max_bits(out.family));
  return out.shortened(bits);
}

ClientSubnet ClientSubnet::shortened(unsigned bits) const {
  ClientSubnet out = *this;
  out.source = static_cast<uint8_t>(std::min<unsigned>(source, bits));
  for (size_t i = 0; i < out.address.size(); ++i) {
    const size_t told = std::clamp<size_t>(out.source, i * 8, i * 8 + 8) - i * 8;
    out.address[i] = static_cast<uint8_t>(out.address[i] & ~(0xffU >> told));
  }
  return out;
}

std::optional<ClientSubnet> read_client_subnet(Bytes option_data) {
  ByteReader reader(option_data);
  const auto family = reader.u16();
  const auto source = reader.u8();
  const auto scope = reader.u8();
  if (!family || !source || !scope) return std::nullopt;
  ClientSubnet out;
  out.family = *family;
  out.source = *source;
  out.scope = *scope;
  // Of families that we do not know only "tell nothing" means something.
  if (out.source > max_bits(out.family) || reader.remaining() != out.address_bytes()) {
    return std::nullopt;
  }
  std::ranges::copy(reader.rest(), out.address.begin());
  if (out.shortened(out.source) != out) return std::nullopt;  // bits behind the prefix
  return out;
}

void put_client_subnet(std::vector<uint8_t>& message, const ClientSubnet& subnet) {
  put_u16(message, kOptionSubnet);
  put_u16(message, static_cast<uint16_t>(4 + subnet.address_bytes()));
  put_u16(message, subnet.family);
  message.push_back(subnet.source);
  message.push_back(subnet.scope);
  put_bytes(message, Bytes(subnet.address).first(subnet.address_bytes()));
}

std::optional<ClientSubnet> SubnetPolicy::to_forward(
    const IpAddress& client, const std::optional<ClientSubnet>& asked) const {
  if (!enabled()) return std::nullopt;
  if (asked && asked->source == 0) return ClientSubnet{.family = asked->family};
  if (!site.empty()) {
    const auto same_family = [&](const IpPrefix& p) { return p.is_v4() == client.is_v4(); };
    const auto found = std::ranges::find_if(site, same_family);
    const IpPrefix& prefix = found == site.end() ? site.front() : *found;
    return ClientSubnet::of(prefix.address(), prefix.length());
  }
  ClientSubnet subnet = asked ? *asked : ClientSubnet::of(client, 128);
  const unsigned bits = bits_for(subnet.family);
  if (bits == 0 || (!asked && !means_something_elsewhere(client))) return std::nullopt;
  subnet.scope = 0;  // queries have none (RFC 7871 §6)
  return subnet.shortened(bits);
}

}  // namespace sluice::mep::dns
