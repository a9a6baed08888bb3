// EDNS Client Subnet (RFC 7871): what is told of a client's address to whoever answers its query.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/net/ip_address.h"

namespace sluice::mep::dns {

struct ClientSubnet {
  uint16_t family = 0;  // 1 IPv4, 2 IPv6; 0 only with `source` 0
  uint8_t source = 0;   // leading bits of the address that are told; 0: the client wants none told
  uint8_t scope = 0;    // in responses: leading bits that the answer is good for
  std::array<uint8_t, 16> address{};  // zero behind the told bits

  // The first `bits` bits of an address.
  static ClientSubnet of(const IpAddress& address, unsigned bits);
  // The same with at most `bits` bits told.
  ClientSubnet shortened(unsigned bits) const;
  size_t address_bytes() const { return (size_t{source} + 7) / 8; }
  bool operator==(const ClientSubnet&) const = default;
};

// The data of an option; nothing when it is malformed (RFC 7871 §7.1.2: FORMERR).
std::optional<ClientSubnet> read_client_subnet(Bytes option_data);
// The whole option, with its code and length.
void put_client_subnet(std::vector<uint8_t>& message, const ClientSubnet& subnet);

// What this site tells.
struct SubnetPolicy {
  unsigned ipv4_bits = 0;  // of a client's address at most; 0: nothing of that family
  unsigned ipv6_bits = 0;
  // Told for every client instead of its own address (TS 23.548 §6.2.3.2.2: the answer shall suit
  // the site); one of each family at most.
  std::vector<IpPrefix> site{};

  // Whether ECS is spoken at all; otherwise the option is neither sent nor understood.
  bool enabled() const { return ipv4_bits != 0 || ipv6_bits != 0 || !site.empty(); }
  // For a query that `client` sent with the subnet `asked`, if any: never more bits than the policy
  // and the client allow. {family, 0} passes the client's wish to stay untold on; nothing: no
  // option.
  std::optional<ClientSubnet> to_forward(const IpAddress& client,
                                         const std::optional<ClientSubnet>& asked) const;

 private:
  unsigned bits_for(uint16_t family) const { return family == 1 ? ipv4_bits : ipv6_bits; }
};

}  // namespace sluice::mep::dns
