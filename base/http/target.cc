#include "base/http/target.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/http/message.h"
#include "base/http/percent.h"

namespace sluice::http {
namespace {

// What no part of a URI has but percent-encoded.
bool is_no_ascii(char c) { return static_cast<unsigned char>(c) >= 0x80; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// What a character of a path may need: ends it, ends a segment, or has to be looked at.
enum Meaning : uint8_t { kPlain, kOdd, kSlash, kEnd };
constexpr auto kMeanings = [] {
  std::array<Meaning, 256> out{};
  for (unsigned c = 0; c < 0x20; ++c) out[c] = kOdd;
  out[0x7f] = kOdd;
  out['%'] = kOdd;
  out['/'] = kSlash;
  out['?'] = kEnd;
  out['#'] = kEnd;
  return out;
}();
Meaning meaning(char c) { return kMeanings[static_cast<unsigned char>(c)]; }

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
  if (std::ranges::any_of(text, is_no_ascii)) {
    return fail(ErrorCode::kInvalidArgument,
                "the request target has octets beyond ASCII that are not percent-encoded");
  }
  if (text == "*") {
    target.asterisk = true;
    return target;
  }
  if (!text.starts_with('/')) text = without_authority(text);
  if (!text.starts_with('/')) {
    return fail(ErrorCode::kInvalidArgument, "the request target is not a path");
  }
  constexpr size_t kUsualDepth = 8;
  target.segments.reserve(kUsualDepth);
  while (text.starts_with('/')) {
    text.remove_prefix(1);
    size_t size = 0;
    bool odd = false;
    for (; size < text.size() && meaning(text[size]) < kSlash; ++size) {
      odd |= meaning(text[size]) == kOdd;
    }
    auto segment = text.substr(0, size);
    text.remove_prefix(size);
    if (odd) {
      auto decoded = percent_decode(segment, PlusIs::kItself);
      if (!decoded || std::ranges::any_of(*decoded, is_control)) return malformed();
      segment = target.decoded.emplace_back(std::move(*decoded));
    }
    if (segment == "." || segment == "..") {
      return fail(ErrorCode::kInvalidArgument, "the path has dot segments");
    }
    target.segments.push_back(segment);
  }
  if (text.starts_with('?')) target.query = text.substr(1, text.find('#') - 1);
  return target;
}

}  // namespace sluice::http
