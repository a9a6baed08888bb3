#include "base/net/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace sluice {
namespace {

constexpr size_t kLongestAddress = INET6_ADDRSTRLEN;

// inet_pton wants a terminated string; a view is copied to the stack.
template <size_t N>
bool parse_with(int family, std::string_view text, std::array<uint8_t, N>& out) {
  if (text.empty() || text.size() >= kLongestAddress || text.find('\0') != std::string_view::npos) {
    return false;
  }
  char buffer[kLongestAddress];
  std::copy(text.begin(), text.end(), buffer);
  buffer[text.size()] = '\0';
  return inet_pton(family, buffer, out.data()) == 1;
}

// The length of a contiguous mask such as 255.255.0.0, or nothing.
std::optional<unsigned> mask_length(Ipv4Address mask) {
  const uint32_t inverted = ~mask.value();
  if ((inverted & (inverted + 1)) != 0) return std::nullopt;
  return static_cast<unsigned>(std::countl_one(mask.value()));
}

}  // namespace

Result<Ipv4Address> Ipv4Address::parse(std::string_view text) {
  std::array<uint8_t, 4> bytes{};
  if (!parse_with(AF_INET, text, bytes)) {
    return fail(ErrorCode::kInvalidArgument, "'{}' is not an IPv4 address", text);
  }
  return from_bytes(bytes.data());
}

std::array<uint8_t, 4> Ipv4Address::bytes() const {
  return {static_cast<uint8_t>(value_ >> 24), static_cast<uint8_t>(value_ >> 16),
          static_cast<uint8_t>(value_ >> 8), static_cast<uint8_t>(value_)};
}

std::string Ipv4Address::to_string() const {
  const auto b = bytes();
  return fmt::format("{}.{}.{}.{}", b[0], b[1], b[2], b[3]);
}

Result<Ipv6Address> Ipv6Address::parse(std::string_view text) {
  std::array<uint8_t, 16> bytes{};
  if (!parse_with(AF_INET6, text, bytes)) {
    return fail(ErrorCode::kInvalidArgument, "'{}' is not an IPv6 address", text);
  }
  return Ipv6Address(bytes);
}

uint64_t Ipv6Address::upper64() const {
  uint64_t v = 0;
  for (size_t i = 0; i < 8; ++i) v = v << 8 | bytes_[i];
  return v;
}

std::string Ipv6Address::to_string() const {
  char buffer[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, bytes_.data(), buffer, sizeof buffer);
  return buffer;
}

IpAddress::IpAddress(Ipv4Address v4) {
  const auto b = v4.bytes();
  v6_ = Ipv6Address({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, b[0], b[1], b[2], b[3]});
}

bool IpAddress::is_v4() const {
  static constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(kMapped.begin(), kMapped.end(), v6_.bytes().begin());
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  if (auto v4 = Ipv4Address::parse(text)) return IpAddress(*v4);
  if (auto v6 = Ipv6Address::parse(text)) return IpAddress(*v6);
  return fail(ErrorCode::kInvalidArgument, "'{}' is not an IP address", text);
}

std::string IpAddress::to_string() const { return is_v4() ? v4().to_string() : v6_.to_string(); }

Result<IpPrefix> IpPrefix::make(IpAddress address, unsigned length) {
  const unsigned longest = address.is_v4() ? 32 : 128;
  if (length > longest) {
    return fail(ErrorCode::kInvalidArgument, "prefix length {} exceeds {}", length, longest);
  }
  IpPrefix prefix;
  prefix.address_ = address;
  prefix.length_ = length;
  return prefix;
}

Result<IpPrefix> IpPrefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::unexpected(address.error());
  if (slash == std::string_view::npos) return make(*address, address->is_v4() ? 32 : 128);

  const auto tail = text.substr(slash + 1);
  if (address->is_v4()) {
    if (const auto mask = Ipv4Address::parse(tail)) {
      if (const auto length = mask_length(*mask)) return make(*address, *length);
      return fail(ErrorCode::kInvalidArgument, "'{}' is not a contiguous mask", tail);
    }
  }
  unsigned length = 0;
  const auto [end, error] = std::from_chars(tail.data(), tail.data() + tail.size(), length);
  if (error != std::errc{} || end != tail.data() + tail.size()) {
    return fail(ErrorCode::kInvalidArgument, "'{}' is not a prefix length", tail);
  }
  return make(*address, length);
}

IpAddress IpPrefix::network() const {
  auto bytes = address_.v6().bytes();
  unsigned keep = is_v4() ? 96 + length_ : length_;
  for (auto& byte : bytes) {
    const unsigned bits = std::min(keep, 8U);
    byte = static_cast<uint8_t>(byte & (0xff00U >> bits));
    keep -= bits;
  }
  return Ipv6Address(bytes);
}

bool IpPrefix::contains(const IpAddress& a) const {
  if (a.is_v4() != is_v4()) return false;
  IpPrefix other;
  other.address_ = a;
  other.length_ = length_;
  return other.network() == network();
}

std::string IpPrefix::to_string() const {
  return fmt::format("{}/{}", address_.to_string(), length_);
}

Result<MacAddress> MacAddress::parse(std::string_view text) {
  std::array<uint8_t, 6> bytes{};
  bool ok = text.size() == 17 && (text[2] == ':' || text[2] == '-');
  for (size_t i = 0; ok && i < bytes.size(); ++i) {
    const char* digits = text.data() + 3 * i;
    const auto [end, error] = std::from_chars(digits, digits + 2, bytes[i], 16);
    ok = error == std::errc{} && end == digits + 2 && (i == 5 || digits[2] == text[2]);
  }
  if (!ok) return fail(ErrorCode::kInvalidArgument, "'{}' is not a MAC address", text);
  return MacAddress(bytes);
}

std::string MacAddress::to_string() const {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes_[0], bytes_[1], bytes_[2],
                     bytes_[3], bytes_[4], bytes_[5]);
}

}  // namespace sluice
