// Network-order integers as types of their own, so that they never mix with host-order ones.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>

namespace sluice {

// An integer stored big-endian with alignment 1: may overlay any position of a packet.
template <std::unsigned_integral T>
class BigEndian {
 public:
  constexpr BigEndian() = default;
  constexpr BigEndian(T host) { set(host); }  // NOLINT: a header field is assigned like an integer

  // From an integer as it lies in memory, e.g. a checksum over memory.
  static constexpr BigEndian from_raw(T raw) {
    BigEndian v;
    v.bytes_ = std::bit_cast<Bytes>(raw);
    return v;
  }

  constexpr operator T() const { return get(); }
  constexpr BigEndian& operator=(T host) {
    set(host);
    return *this;
  }
  constexpr T get() const {
    const T raw = std::bit_cast<T>(bytes_);
    return swap(raw);
  }
  // The integer as it lies in memory: for comparing and hashing without a swap.
  constexpr T raw() const { return std::bit_cast<T>(bytes_); }

 private:
  struct Bytes {
    uint8_t b[sizeof(T)];
  };
  static constexpr T swap(T v) {
    if constexpr (sizeof(T) == 1 || std::endian::native == std::endian::big) {
      return v;
    } else {
      return std::byteswap(v);
    }
  }
  constexpr void set(T host) { bytes_ = std::bit_cast<Bytes>(swap(host)); }

  Bytes bytes_{};
};

using Be16 = BigEndian<uint16_t>;
using Be32 = BigEndian<uint32_t>;
using Be64 = BigEndian<uint64_t>;
static_assert(sizeof(Be32) == 4 && alignof(Be32) == 1);

}  // namespace sluice
