// IP and MAC addresses and prefixes: values that parse, print, compare and hash.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sluice {

// An IPv4 address. `value()` is host-order: 10.0.0.1 is 0x0a000001.
class Ipv4Address {
 public:
  constexpr Ipv4Address() = default;
  constexpr explicit Ipv4Address(uint32_t host_order) : value_(host_order) {}
  static Result<Ipv4Address> parse(std::string_view text);  // dotted quad only
  static constexpr Ipv4Address from_bytes(const uint8_t* four) {
    return Ipv4Address(uint32_t{four[0]} << 24 | uint32_t{four[1]} << 16 | uint32_t{four[2]} << 8 |
                       uint32_t{four[3]});
  }
  constexpr uint32_t value() const { return value_; }
  std::array<uint8_t, 4> bytes() const;  // network order
  std::string to_string() const;
  constexpr auto operator<=>(const Ipv4Address&) const = default;

 private:
  uint32_t value_ = 0;
};

// An IPv6 address, bytes in network order.
class Ipv6Address {
 public:
  constexpr Ipv6Address() = default;
  constexpr explicit Ipv6Address(const std::array<uint8_t, 16>& bytes) : bytes_(bytes) {}
  static Result<Ipv6Address> parse(std::string_view text);
  static Ipv6Address from_bytes(const uint8_t* sixteen) {
    Ipv6Address a;
    std::memcpy(a.bytes_.data(), sixteen, 16);
    return a;
  }
  constexpr const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  // The upper 64 bits in host order: the key of a UE's /64.
  uint64_t upper64() const;
  bool is_link_local() const { return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80; }
  bool is_multicast() const { return bytes_[0] == 0xff; }
  std::string to_string() const;
  constexpr auto operator<=>(const Ipv6Address&) const = default;

 private:
  std::array<uint8_t, 16> bytes_{};
};

// Either family. IPv4 is kept IPv4-mapped (::ffff:a.b.c.d), so that equality, order and hash are
// those of 16 bytes.
class IpAddress {
 public:
  constexpr IpAddress() = default;                  // ::
  IpAddress(Ipv4Address v4);                        // NOLINT: widening is what one means
  constexpr IpAddress(Ipv6Address v6) : v6_(v6) {}  // NOLINT
  // "192.0.2.1" or "2001:db8::1"; nothing else (no zone, no brackets, no port).
  static Result<IpAddress> parse(std::string_view text);

  bool is_v4() const;
  bool is_v6() const { return !is_v4(); }
  Ipv4Address v4() const { return Ipv4Address::from_bytes(v6_.bytes().data() + 12); }
  const Ipv6Address& v6() const { return v6_; }  // the mapped form when is_v4()
  std::string to_string() const;
  constexpr auto operator<=>(const IpAddress&) const = default;

 private:
  Ipv6Address v6_;
};

// An address and a prefix length (0..32 or 0..128). The host bits are kept by `address()` and
// masked by `network()`.
class IpPrefix {
 public:
  IpPrefix() = default;  // ::/0
  // `length` counts within the address's own family. Fails when it is too long.
  static Result<IpPrefix> make(IpAddress address, unsigned length);
  // "10.0.0.0/8", "2001:db8::/32", or a bare address (a host prefix). An IPv4 mask may also be
  // written dotted ("10.0.0.0/255.0.0.0") as long as it is contiguous.
  static Result<IpPrefix> parse(std::string_view text);

  const IpAddress& address() const { return address_; }
  IpAddress network() const;
  unsigned length() const { return length_; }
  bool is_v4() const { return address_.is_v4(); }
  bool is_host() const { return length_ == (is_v4() ? 32U : 128U); }
  bool contains(const IpAddress& a) const;  // never across families
  bool contains(const IpPrefix& inner) const {
    return inner.length_ >= length_ && contains(inner.address_);
  }
  std::string to_string() const;
  bool operator==(const IpPrefix&) const = default;

 private:
  IpAddress address_;
  unsigned length_ = 0;
};

class MacAddress {
 public:
  constexpr MacAddress() = default;
  constexpr explicit MacAddress(const std::array<uint8_t, 6>& bytes) : bytes_(bytes) {}
  // "02:00:00:00:00:01" or, as MEC 011 writes it, "02-00-00-00-00-01".
  static Result<MacAddress> parse(std::string_view text);
  static MacAddress from_bytes(const uint8_t* six) {
    MacAddress m;
    std::memcpy(m.bytes_.data(), six, 6);
    return m;
  }
  constexpr const std::array<uint8_t, 6>& bytes() const { return bytes_; }
  std::string to_string() const;  // with colons
  constexpr auto operator<=>(const MacAddress&) const = default;

 private:
  std::array<uint8_t, 6> bytes_{};
};

}  // namespace sluice

template <>
struct std::hash<sluice::Ipv4Address> {
  size_t operator()(const sluice::Ipv4Address& a) const { return std::hash<uint32_t>{}(a.value()); }
};
template <>
struct std::hash<sluice::IpAddress> {
  size_t operator()(const sluice::IpAddress& a) const {
    const auto& bytes = a.v6().bytes();
    return std::hash<std::string_view>{}(
        std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
};
