// Prefixes as 16 bytes of value and mask, IPv4 mapped: how the packet path compares addresses.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/net/ip_address.h"

namespace sluice::upf {

inline bool mask_matches(const uint8_t* address, const uint8_t* value, const uint8_t* mask) {
  uint64_t a[2], v[2], m[2];
  std::memcpy(a, address, 16);
  std::memcpy(v, value, 16);
  std::memcpy(m, mask, 16);
  return (((a[0] & m[0]) ^ v[0]) | ((a[1] & m[1]) ^ v[1])) == 0;
}

// Writes a prefix as value and mask, 16 bytes each.
inline void set_address_mask(const IpPrefix& prefix, uint8_t* value, uint8_t* mask) {
  const auto bytes = prefix.network().v6().bytes();
  unsigned left = prefix.is_v4() ? 96 + prefix.length() : prefix.length();
  for (size_t i = 0; i < 16; ++i) {
    const unsigned bits = std::min(left, 8U);
    mask[i] = static_cast<uint8_t>(0xff00U >> bits);
    value[i] = static_cast<uint8_t>(bytes[i] & mask[i]);
    left -= bits;
  }
}

}  // namespace sluice::upf
