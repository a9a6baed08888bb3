#include "base/http/target.h"

#include <algorithm>

#include "base/http/message.h"
#include "base/http/percent.h"

namespace sluice::http {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Absolute form: the authority is the Host header's business; only the path routes.
std::string_view without_authority(std::string_view text) {
  const auto scheme = text.find("://");
  if (scheme == std::string_view::npos) return text;
  const auto name = text.substr(0, scheme);
  if (!equal_ignoring_case(name, "http") && !equal_ignoring_case(name, "https")) return text;
  const auto path = text.find_first_of("/?", scheme + 3);
  return path == std::string_view::npos ? "/" : text.substr(path);
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
  Target target;
  if (text == "*") {
    target.asterisk = true;
    return target;
  }
  text = without_authority(text);
  auto path = text.substr(0, text.find_first_of("?#"));
  if (path.size() < text.size() && text[path.size()] == '?') {
    target.query = text.substr(path.size() + 1);
    target.query = target.query.substr(0, target.query.find('#'));
  }
  if (!path.starts_with('/')) {
    return fail(ErrorCode::kInvalidArgument, "the request target is not a path");
  }
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const auto raw = path.substr(0, path.find('/'));
    path.remove_prefix(raw.size());
    auto segment = percent_decode(raw, PlusIs::kItself);
    if (!segment || std::ranges::any_of(*segment, is_control)) {
      return fail(ErrorCode::kInvalidArgument, "the path has malformed percent-encoding");
    }
    if (*segment == "." || *segment == "..") {
      return fail(ErrorCode::kInvalidArgument, "the path has dot segments");
    }
    target.segments.push_back(std::move(*segment));
  }
  return target;
}

}  // namespace sluice::http
