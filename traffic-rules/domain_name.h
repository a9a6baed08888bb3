// Domain names as DNS rules and queries compare them.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace sluice::traffic_rules {

// A name in canonical form: lower case, no trailing dot. With `wildcard`, every name below it but
// not the name itself (RFC 4592): "*.cdn.example" covers "a.cdn.example" and "b.a.cdn.example".
struct DomainName {
  std::string name;
  bool wildcard = false;

  // Letters, digits and hyphens in labels of 1 to 63 (RFC 1123 §2.1), at most 253 characters, a
  // trailing dot allowed, "*." only in front.
  static Result<DomainName> parse(std::string_view text);
  // `query` in canonical form.
  bool covers(std::string_view query) const;
  // As a message has it (RFC 1035 §3.1), without the asterisk: "a.example" is "\1a\7example\0".
  std::string wire_form() const;
  std::string to_string() const { return wildcard ? "*." + name : name; }
  bool operator==(const DomainName&) const = default;
};

}  // namespace sluice::traffic_rules
