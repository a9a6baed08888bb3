#include "base/rest/attribute_path.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

namespace sluice::rest {
namespace {

using nlohmann::json;

Result<std::string> unescape(std::string_view name) {
  if (name.empty()) return fail(ErrorCode::kInvalidArgument, "an attribute name is empty");
  if (name == kMapKeys) return std::string(1, kMapKeysMarker);
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == kMapKeysMarker) {
      return fail(ErrorCode::kInvalidArgument, "an attribute name has a NUL in it");
    }
    if (name[i] != '~') {
      out.push_back(name[i]);
      continue;
    }
    static constexpr std::string_view kCodes = "01ab";
    static constexpr std::string_view kMeanings = "~/,@";
    const auto code = ++i < name.size() ? kCodes.find(name[i]) : std::string_view::npos;
    if (code == std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument,
                  "in attribute names \"~\" is written ~0, \"/\" ~1, \",\" ~a and \"@\" ~b");
    }
    out.push_back(kMeanings[code]);
  }
  return out;
}

bool any_at(const json& value, std::span<const std::string> path,
            const std::function<bool(const json&)>& visit) {
  if (value.is_array()) {
    return std::ranges::any_of(value, [&](const json& v) { return any_at(v, path, visit); });
  }
  if (path.empty()) return visit(value);
  if (!value.is_object()) return false;
  if (path[0][0] == kMapKeysMarker) {
    return std::ranges::any_of(value.items(), [&](const auto& item) { return visit(item.key()); });
  }
  const auto member = value.find(path[0]);
  return member != value.end() && any_at(*member, path.subspan(1), visit);
}

}  // namespace

Result<AttributePath> parse_attribute_path(std::string_view text) {
  AttributePath path;
  while (true) {
    const auto raw = text.substr(0, text.find('/'));
    if (path.size() == kMaxPathDepth) {
      return fail(ErrorCode::kInvalidArgument, "a path has at most {} names", kMaxPathDepth);
    }
    auto name = unescape(raw);
    if (!name) return std::unexpected(name.error());
    if (!path.empty() && path.back()[0] == kMapKeysMarker) {
      return fail(ErrorCode::kInvalidArgument, "nothing can follow {}", kMapKeys);
    }
    path.push_back(std::move(*name));
    if (raw.size() == text.size()) return path;
    text.remove_prefix(raw.size() + 1);
  }
}

bool any_at(const json& value, const AttributePath& path,
            const std::function<bool(const json&)>& visit) {
  return any_at(value, std::span<const std::string>(path), visit);
}

}  // namespace sluice::rest
