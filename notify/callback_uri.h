// The callbackReference of a subscription: where its notifications go.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/net/ip_address.h"

namespace sluice::notify {

inline constexpr size_t kMaxCallbackUri = 2048;  // octets

// Who is called, in parts that have one reading only: what this accepts, libcurl reads alike.
struct CallbackUri {
  bool tls = false;
  std::string host;                  // lower case; an IPv6 literal without its brackets
  std::optional<IpAddress> literal;  // the address, when the host is one
  uint16_t port = 0;                 // the scheme's own when the URI names none

  // "http://host[:port][/path][?query]" or https, at most kMaxCallbackUri octets of printable
  // ASCII. No user information, no fragment. A host that ends in a number is a dotted-quad address
  // or refused ("0x7f.1", "127.1" and "2130706433" are spellings that resolvers take for
  // 127.0.0.1).
  static Result<CallbackUri> parse(std::string_view text);
};

}  // namespace sluice::notify
