// Where callbacks may go. An app chooses the address that the platform calls; without a rule it
// could make the platform speak to itself, to its neighbours on the link or to a cloud's metadata
// service (server-side request forgery).
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/net/ip_address.h"
#include "notify/callback_uri.h"

namespace sluice::notify {

struct CallbackRules {
  std::vector<IpPrefix> allow;      // exempt from what is refused by itself
  std::vector<IpPrefix> deny;       // refused whatever `allow` says
  std::vector<uint16_t> own_ports;  // on which the platform listens: never called on this host
};

// Refused by itself: loopback, every address of this host, unspecified, link-local (with it
// 169.254.169.254), the other well-known metadata addresses, multicast, broadcast and reserved;
// IPv6 addresses that carry such an IPv4 address (NAT64, 6to4) too, and all of the prefix for NAT64
// within a site, where what they carry is not told. Private networks are where apps live: they are
// allowed. While this host's addresses cannot be read, those read last count; without any, every
// address is one of them. May be asked from several threads at a time.
class CallbackPolicy {
 public:
  // Sorted; nothing when they cannot be read.
  using OwnAddresses = std::function<std::optional<std::vector<IpAddress>>()>;
  static std::optional<std::vector<IpAddress>> addresses_of_this_host();

  explicit CallbackPolicy(CallbackRules rules, OwnAddresses read_own = addresses_of_this_host)
      : rules_(std::move(rules)), read_own_(std::move(read_own)) {}

  // kPermissionDenied with the reason. The question at every connection that is opened: names are
  // judged by what they resolve to.
  Result<void> check_address(const IpAddress& address, uint16_t port) const;

  // What can be said when a subscription is made: kInvalidArgument for what is no callback URI,
  // kPermissionDenied for one that cannot be called. Errors name the field callbackReference.
  Result<void> check_uri(std::string_view uri) const;

 private:
  bool is_own(const IpAddress& address) const;

  CallbackRules rules_;
  OwnAddresses read_own_;
  mutable std::mutex mutex_;  // guards what follows: the addresses of this host, read now and then
  mutable std::optional<std::vector<IpAddress>> own_;
  mutable std::chrono::steady_clock::time_point own_read_{};
};

}  // namespace sluice::notify
