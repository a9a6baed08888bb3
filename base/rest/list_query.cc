#include "base/rest/list_query.h"

namespace sluice::rest {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr size_t kMaxMarker = 2048;

Result<std::string> read_marker(std::string_view text) {
  std::string out;
  bool good = !text.empty() && text.size() % 2 == 0 && text.size() <= kMaxMarker;
  for (size_t i = 0; good && i < text.size(); i += 2) {
    const auto high = kHex.find(text[i]);
    const auto low = kHex.find(text[i + 1]);
    good = high != kHex.npos && low != kHex.npos;
    out.push_back(static_cast<char>(high << 4 | low));
  }
  if (good) return out;
  return bad_field("nextpage_opaque_marker", "was not given out by this platform");
}

}  // namespace

std::vector<std::string> query_values(const http::Query& query, std::string_view name) {
  std::vector<std::string> out;
  for (auto value : query.all(name)) {
    out.emplace_back(value);
    if (!value.contains(',')) continue;
    while (true) {
      const auto comma = value.find(',');
      out.emplace_back(value.substr(0, comma));
      if (comma == std::string_view::npos) break;
      value.remove_prefix(comma + 1);
    }
  }
  return out;
}

std::string page_marker(std::string_view id) {
  std::string out;
  for (const char c : id) {
    const auto byte = static_cast<unsigned char>(c);
    out.append({kHex[byte >> 4], kHex[byte & 15]});
  }
  return out;
}

Result<ListQuery> ListQuery::parse(const http::Query& query, const ListOptions& options) {
  for (const auto* name : {"filter", "fields", "exclude_fields", "all_fields", "exclude_default",
                           "nextpage_opaque_marker"}) {
    if (query.all(name).size() > 1) return bad_field(name, "may be given only once");
  }
  ListQuery out;
  if (const auto text = query.get("filter")) {
    auto filter = AttributeFilter::parse(*text);
    if (!filter) return bad_field("filter", "{}", filter.error().message);
    out.filter = std::move(*filter);
  }
  auto selector = AttributeSelector::parse(query, options.id_member, options.excluded_by_default);
  if (!selector) return std::unexpected(selector.error());
  out.selector = std::move(*selector);
  if (const auto marker = query.get("nextpage_opaque_marker")) {
    auto after = read_marker(*marker);
    if (!after) return std::unexpected(after.error());
    out.after = std::move(*after);
  }
  return out;
}

}  // namespace sluice::rest
