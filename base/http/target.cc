#include "base/http/target.h"

#include <algorithm>

#include "base/http/message.h"
#include "base/http/percent.h"

namespace sluice::http {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Neither a control character nor '%', nor one that costs another comparison to tell from them.
bool is_plain(char c) { return static_cast<unsigned char>(c) > '%' && c != 0x7f; }

std::unexpected<Error> malformed() {
  return fail(ErrorCode::kInvalidArgument, "the path has malformed percent-encoding");
}

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
  if (!text.starts_with('/')) text = without_authority(text);
  const auto path_end = std::ranges::find_if(text, [](char c) { return c == '?' || c == '#'; });
  auto path = text.substr(0, static_cast<size_t>(path_end - text.begin()));
  if (path.size() < text.size() && text[path.size()] == '?') {
    target.query = text.substr(path.size() + 1);
    target.query = target.query.substr(0, target.query.find('#'));
  }
  if (!path.starts_with('/')) {
    return fail(ErrorCode::kInvalidArgument, "the request target is not a path");
  }
  target.segments.reserve(static_cast<size_t>(std::ranges::count(path, '/')));
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    size_t size = 0;
    bool plain = true;  // what nearly all are, so that one look at each character is enough
    for (; size < path.size() && path[size] != '/'; ++size) plain &= is_plain(path[size]);
    auto segment = path.substr(0, size);
    path.remove_prefix(size);
    if (!plain && segment.contains('%')) {
      auto decoded = percent_decode(segment, PlusIs::kItself);
      if (!decoded) return malformed();
      segment = target.decoded.emplace_back(std::move(*decoded));
    }
    if (!plain && std::ranges::any_of(segment, is_control)) return malformed();
    if (segment == "." || segment == "..") {
      return fail(ErrorCode::kInvalidArgument, "the path has dot segments");
    }
    target.segments.push_back(segment);
  }
  return target;
}

}  // namespace sluice::http
