#include "notify/callback_policy.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace sluice::notify {
namespace {

constexpr std::chrono::seconds kOwnAddressesAge{2};

struct Refused {
  IpPrefix prefix;
  std::string_view what;
};

const std::vector<Refused>& refused() {
  static const auto table = [] {
    std::vector<Refused> out;
    const auto add = [&out](std::string_view prefix, std::string_view what) {
      out.push_back({*IpPrefix::parse(prefix), what});
    };
    add("169.254.169.254", "a metadata service");
    add("100.100.100.200", "a metadata service");
    add("192.0.0.192", "a metadata service");
    add("fd00:ec2::254", "a metadata service");
    add("fd20:ce::254", "a metadata service");
    add("127.0.0.0/8", "loopback");
    add("::1", "loopback");
    add("0.0.0.0/8", "unspecified");
    add("::", "unspecified");
    add("169.254.0.0/16", "link-local");
    add("fe80::/10", "link-local");
    add("fec0::/10", "site-local");
    add("224.0.0.0/4", "multicast");
    add("ff00::/8", "multicast");
    add("240.0.0.0/4", "reserved");
    add("64:ff9b:1::/48", "translated to IPv4");  // RFC 8215
    return out;
  }();
  return table;
}

// The IPv4 address inside an IPv6 one that leads to it: IPv4-compatible, NAT64 (RFC 6052), 6to4.
std::optional<IpAddress> embedded_v4(const IpAddress& address) {
  if (address.is_v4()) return std::nullopt;
  static const auto kCompatible = *IpPrefix::parse("::/96");
  static const auto kNat64 = *IpPrefix::parse("64:ff9b::/96");
  static const auto k6to4 = *IpPrefix::parse("2002::/16");
  const auto* bytes = address.v6().bytes().data();
  if (kNat64.contains(address)) return Ipv4Address::from_bytes(bytes + 12);
  if (k6to4.contains(address)) return Ipv4Address::from_bytes(bytes + 2);
  if (kCompatible.contains(address) && bytes[12] != 0) return Ipv4Address::from_bytes(bytes + 12);
  return std::nullopt;
}

bool covers(const std::vector<IpPrefix>& prefixes, const IpAddress& address) {
  return std::ranges::any_of(prefixes, [&](const IpPrefix& p) { return p.contains(address); });
}

std::string_view refusal_of(const IpAddress& address) {
  for (const auto& [prefix, what] : refused()) {
    if (prefix.contains(address)) return what;
  }
  return {};
}

bool is_loopback(const IpAddress& address) { return refusal_of(address) == "loopback"; }

}  // namespace

std::optional<std::vector<IpAddress>> CallbackPolicy::addresses_of_this_host() {
  std::vector<IpAddress> out;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return std::nullopt;
  for (const auto* i = list; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr) continue;
    if (i->ifa_addr->sa_family == AF_INET) {
      const auto* a = reinterpret_cast<const sockaddr_in*>(i->ifa_addr);
      out.emplace_back(Ipv4Address(ntohl(a->sin_addr.s_addr)));
    } else if (i->ifa_addr->sa_family == AF_INET6) {
      const auto* a = reinterpret_cast<const sockaddr_in6*>(i->ifa_addr);
      out.emplace_back(Ipv6Address::from_bytes(a->sin6_addr.s6_addr));
    }
  }
  freeifaddrs(list);
  std::ranges::sort(out);
  return out;
}

bool CallbackPolicy::is_own(const IpAddress& address) const {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (own_read_ == decltype(own_read_){} || now - own_read_ > kOwnAddressesAge) {
    if (auto read = read_own_()) {
      own_ = std::move(read);
      own_read_ = now;
    }
  }
  return !own_ || std::ranges::binary_search(*own_, address);
}

Result<void> CallbackPolicy::check_address(const IpAddress& address, uint16_t port) const {
  const auto no = [&](std::string_view why) {
    return fail(ErrorCode::kPermissionDenied, "callbacks to {} are not allowed: {}",
                address.to_string(), why);
  };
  if (covers(rules_.deny, address)) return no("the operator refuses it");
  const bool own = is_own(address);
  const auto inner = embedded_v4(address);
  const bool here =
      own || is_loopback(address) || (inner && (is_own(*inner) || is_loopback(*inner)));
  if (here && std::ranges::find(rules_.own_ports, port) != rules_.own_ports.end()) {
    return no("the platform itself listens there");
  }
  if (covers(rules_.allow, address)) return {};
  if (const auto what = refusal_of(address); !what.empty()) return no(what);
  if (own) return no("an address of the platform");
  if (!inner) return {};
  return check_address(*inner, port);
}

Result<void> CallbackPolicy::check_uri(std::string_view text) const {
  const auto named = [](Error error) {
    error.field = "callbackReference";
    return std::unexpected(std::move(error));
  };
  const auto uri = CallbackUri::parse(text);
  if (!uri) return named(uri.error());
  std::optional<IpAddress> address = uri->literal;
  std::string_view host = uri->host;
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host == "localhost" || host.ends_with(".localhost")) {  // RFC 6761 §6.3
    address = Ipv4Address(0x7f00'0001);
  }
  if (!address) return {};
  if (auto ok = check_address(*address, uri->port); !ok) return named(ok.error());
  return {};
}

}  // namespace sluice::notify
