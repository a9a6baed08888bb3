#include "base/rest/attribute_selector.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sluice::rest {
namespace {

using nlohmann::json;
using Path = std::span<const std::string>;

bool begins_with(Path path, Path start) {
  return path.size() >= start.size() && std::ranges::equal(path.first(start.size()), start);
}

Result<std::vector<AttributePath>> read_list(const std::string& parameter, std::string_view text) {
  std::vector<AttributePath> out;
  while (true) {
    const auto name = text.substr(0, text.find(','));
    if (out.size() == kMaxSelectedFields) {
      return bad_field(parameter, "lists more than {} attributes", kMaxSelectedFields);
    }
    auto path = parse_attribute_path(name);
    if (!path) return bad_field(parameter, "{}", path.error().message);
    out.push_back(std::move(*path));
    if (name.size() == text.size()) return out;
    text.remove_prefix(name.size() + 1);
  }
}

// A parameter that says all by being there: "all_fields", "all_fields=", "all_fields=true".
Result<bool> read_flag(const http::Query& query, const char* name) {
  const auto value = query.get(name);
  if (!value) return false;
  if (!value->empty() && *value != "true") return bad_field(name, "takes no value");
  return true;
}

// Drops the members that no path leads to; `id` stays.
void keep_only(json& value, const std::vector<Path>& paths, bool simple_ones, std::string_view id) {
  if (value.is_array()) {
    for (auto& element : value) keep_only(element, paths, simple_ones, id);
    return;
  }
  if (!value.is_object()) return;
  for (auto member = value.begin(); member != value.end();) {
    bool whole = member.key() == id;
    std::vector<Path> rests;
    for (const auto& path : paths) {
      if (path[0] != member.key()) continue;
      if (path.size() == 1) whole = true;
      if (path.size() > 1) rests.push_back(path.subspan(1));
    }
    const bool keep = whole || !rests.empty() || (simple_ones && member->is_primitive());
    if (keep && !whole && !rests.empty()) keep_only(*member, rests, simple_ones, {});
    member = keep ? std::next(member) : value.erase(member);
  }
}

void remove(json& value, Path path) {
  if (value.is_array()) {
    for (auto& element : value) remove(element, path);
  } else if (value.is_object() && path.size() == 1) {
    value.erase(path[0]);
  } else if (value.is_object()) {
    if (const auto member = value.find(path[0]); member != value.end()) {
      remove(*member, path.subspan(1));
    }
  }
}

}  // namespace

Result<AttributeSelector> AttributeSelector::parse(
    const http::Query& query, const std::string& id_member,
    const std::vector<std::string>& excluded_by_default) {
  const auto all = read_flag(query, "all_fields");
  if (!all) return std::unexpected(all.error());
  const auto without_default = read_flag(query, "exclude_default");
  if (!without_default) return std::unexpected(without_default.error());
  const auto fields = query.get("fields");
  const auto excluded = query.get("exclude_fields");
  if (*all && (fields || excluded || *without_default)) {
    return bad_field("all_fields", "cannot stand beside another attribute selector");
  }
  if (excluded && (fields || *without_default)) {
    return bad_field("exclude_fields", "cannot stand beside another attribute selector");
  }

  AttributeSelector out;
  out.id_member_ = id_member;
  if (*all) return out;
  std::vector<AttributePath> listed;
  if (fields || excluded) {
    auto list = fields ? read_list("fields", *fields) : read_list("exclude_fields", *excluded);
    if (!list) return std::unexpected(list.error());
    listed = std::move(*list);
  }
  if (fields && !*without_default) {
    out.mode_ = Mode::kOnlyFields;
    out.paths_ = std::move(listed);
    return out;
  }
  out.mode_ = Mode::kWithout;
  if (excluded) {
    if (std::ranges::find(listed, AttributePath{id_member}) != listed.end()) {
      return bad_field("exclude_fields", "{} is always there", id_member);
    }
    out.paths_ = std::move(listed);
    return out;
  }
  for (const auto& text : excluded_by_default) {
    auto path = parse_attribute_path(text);
    if (!path) return std::unexpected(path.error());
    const bool wanted = std::ranges::any_of(listed, [&](const AttributePath& field) {
      return begins_with(*path, field) || begins_with(field, *path);
    });
    if (!wanted) out.paths_.push_back(std::move(*path));
  }
  return out;
}

bool AttributeSelector::names_a_simple_member(std::span<const json> items) const {
  return std::ranges::any_of(paths_, [&](const AttributePath& path) {
    const AttributePath parent(path.begin(), path.end() - 1);
    return std::ranges::any_of(items, [&](const json& item) {
      return any_at(item, parent, [&](const json& holder) {
        const auto member = holder.is_object() ? holder.find(path.back()) : holder.end();
        return member != holder.end() && member->is_primitive();
      });
    });
  });
}

void AttributeSelector::apply(std::span<json> items) const {
  if (mode_ == Mode::kEverything) return;
  if (mode_ == Mode::kWithout) {
    for (auto& item : items) {
      for (const auto& path : paths_) remove(item, path);
    }
    return;
  }
  const bool simple_ones = !names_a_simple_member(items);
  const std::vector<Path> paths(paths_.begin(), paths_.end());
  for (auto& item : items) keep_only(item, paths, simple_ones, id_member_);
}

}  // namespace sluice::rest
