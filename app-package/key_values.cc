#include "app-package/key_values.h"

#include <algorithm>

namespace sluice::app_package {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

std::vector<KeyValue> read_key_values(std::string_view text) {
  std::vector<KeyValue> out;
  for (int line = 1; !text.empty(); ++line) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto raw = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto content = trimmed(raw);
    if (content.empty() || content.front() == '#') continue;
    const auto colon = std::min(content.find(':'), content.size());
    const auto value = colon < content.size() ? content.substr(colon + 1) : std::string_view();
    out.push_back({std::string(trimmed(content.substr(0, colon))), std::string(trimmed(value)),
                   line, raw.front() == ' ' || raw.front() == '\t'});
  }
  return out;
}

}  // namespace sluice::app_package
