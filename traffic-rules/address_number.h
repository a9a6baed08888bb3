// Addresses as 128-bit numbers, for arithmetic on ranges and masks. IPv4 is in its mapped form, so
// that one arithmetic serves both families.
#pragma once

#include "base/net/ip_address.h"

namespace sluice::traffic_rules {

__extension__ using AddressNumber = unsigned __int128;

inline AddressNumber number_of(const IpAddress& address) {
  AddressNumber n = 0;
  for (const uint8_t byte : address.v6().bytes()) n = n << 8 | byte;
  return n;
}

inline IpAddress address_of(AddressNumber n) {
  std::array<uint8_t, 16> bytes{};
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte, n >>= 8) {
    *byte = static_cast<uint8_t>(n);
  }
  return Ipv6Address(bytes);
}

// All ones in the lowest `bits` (0..128).
inline AddressNumber low_ones(unsigned bits) {
  return bits >= 128 ? ~AddressNumber{0} : (AddressNumber{1} << bits) - 1;
}

}  // namespace sluice::traffic_rules
