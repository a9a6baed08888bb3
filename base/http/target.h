// The request target of HTTP (RFC 9112 §3.2) taken apart.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sluice::http {

struct Target {
  bool asterisk = false;              // "*", of OPTIONS
  std::vector<std::string> segments;  // of the path, percent-decoded one by one
  std::string_view query;             // what follows "?", still encoded
};

// Accepts "/path?query", "http://host/path?query" and "*". kInvalidArgument for malformed
// percent-encoding, for dot segments ("..", "%2e"), which only a client that tries to climb sends,
// and for control characters. Empty segments ("//", a trailing "/") stay: they match no route.
// The result refers to `text`.
Result<Target> parse_target(std::string_view text);

}  // namespace sluice::http
