// The Internet checksum (RFC 1071).
#pragma once

#include <cstdint>
#include <cstring>

#include "base/bytes.h"

namespace sluice::upf {

// Adds bytes to a running sum of 16-bit words in memory order. A part of odd length may only come
// last.
inline uint64_t checksum_add(uint64_t sum, const uint8_t* data, size_t bytes) {
  while (bytes >= 4) {
    uint32_t word;
    std::memcpy(&word, data, 4);
    sum += word;
    data += 4;
    bytes -= 4;
  }
  if (bytes >= 2) {
    uint16_t word;
    std::memcpy(&word, data, 2);
    sum += word;
    data += 2;
    bytes -= 2;
  }
  if (bytes == 1) {
    const uint8_t last[2] = {*data, 0};
    uint16_t word;
    std::memcpy(&word, last, 2);
    sum += word;
  }
  return sum;
}

inline uint16_t checksum_fold(uint64_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

// The value for a header's checksum field.
inline Be16 checksum_finish(uint64_t sum) {
  return Be16::from_raw(static_cast<uint16_t>(~checksum_fold(sum)));
}

// The same for UDP, where 0 means that there is none (RFC 768).
inline Be16 udp_checksum_finish(uint64_t sum) {
  const Be16 value = checksum_finish(sum);
  return value.raw() == 0 ? Be16(0xffff) : value;
}

inline Be16 ip_checksum(const uint8_t* header, size_t bytes) {
  return checksum_finish(checksum_add(0, header, bytes));
}

// The pseudo header of UDP, TCP and ICMPv6: addresses (4 or 16 bytes each), length, protocol.
inline uint64_t pseudo_header_sum(const uint8_t* source, const uint8_t* destination,
                                  size_t address_bytes, uint32_t length, uint8_t protocol) {
  uint64_t sum = checksum_add(0, source, address_bytes);
  sum = checksum_add(sum, destination, address_bytes);
  const uint8_t tail[8] = {static_cast<uint8_t>(length >> 24),
                           static_cast<uint8_t>(length >> 16),
                           static_cast<uint8_t>(length >> 8),
                           static_cast<uint8_t>(length),
                           0,
                           0,
                           0,
                           protocol};
  return checksum_add(sum, tail, sizeof tail);
}

}  // namespace sluice::upf
