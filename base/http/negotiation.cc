#include "base/http/negotiation.h"

#include <algorithm>
#include <optional>

#include "base/http/message.h"

namespace sluice::http {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

struct Range {
  std::string type;
  bool excluded = false;  // q=0
};

std::optional<Range> parse_range(std::string_view text) {
  Range range{media_type(text)};
  const auto slash = range.type.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == range.type.size()) {
    return std::nullopt;
  }
  for (auto rest = text; rest.find(';') != std::string_view::npos;) {
    rest.remove_prefix(rest.find(';') + 1);
    const auto parameter = trimmed(rest.substr(0, rest.find(';')));
    if (parameter.size() > 2 && equal_ignoring_case(parameter.substr(0, 2), "q=")) {
      range.excluded = parameter.substr(2).find_first_not_of("0.") == std::string_view::npos;
    }
  }
  return range;
}

// How closely a range describes an offer: 0 not at all, 1 "*/*", 2 "type/*", 3 exactly.
int closeness(const Range& range, std::string_view offer) {
  if (range.type == offer) return 3;
  if (range.type == "*/*") return 1;
  const std::string_view major = std::string_view(range.type).substr(0, range.type.find('/') + 1);
  return range.type.ends_with("/*") && offer.starts_with(major) ? 2 : 0;
}

}  // namespace

std::string media_type(std::string_view content_type) {
  std::string out(trimmed(content_type.substr(0, content_type.find(';'))));
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

bool accepts(std::string_view accept, const std::vector<std::string>& offers) {
  if (accept == "*/*") return true;  // what most clients say
  std::vector<Range> ranges;
  while (!accept.empty()) {
    const auto part = accept.substr(0, accept.find(','));
    accept.remove_prefix(std::min(part.size() + 1, accept.size()));
    if (auto range = parse_range(part)) ranges.push_back(std::move(*range));
  }
  if (ranges.empty()) return true;
  return std::ranges::any_of(offers, [&](std::string_view offer) {
    const auto best = std::ranges::max_element(
        ranges, {}, [&](const Range& range) { return closeness(range, offer); });
    return closeness(*best, offer) > 0 && !best->excluded;
  });
}

}  // namespace sluice::http
