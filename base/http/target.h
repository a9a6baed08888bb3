// The request target of HTTP (RFC 9112 §3.2) taken apart.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sluice::http {

struct Target {
  bool asterisk = false;                   // "*", of OPTIONS
  std::vector<std::string_view> segments;  // of the path, percent-decoded one by one
  std::string_view query;                  // what follows "?", still encoded
  std::list<std::string> decoded;          // what segments with percent-encoding refer to
};

// Accepts "/path?query", "http://host/path?query" and "*". kInvalidArgument for malformed
// percent-encoding, for dot segments ("..", "%2e"), which only a client that tries to climb sends,
// and for octets that no URI has: control characters and, unless percent-encoded, what is not ASCII
// (RFC 3986 §2), in the query as well. Empty segments ("//", a trailing "/") stay: they match no
// route. The result refers to `text`, and to itself: it may be moved, not copied.
Result<Target> parse_target(std::string_view text);

}  // namespace sluice::http
