#include "mep/registry/filter.h"

namespace sluice::mep::registry {
namespace {

using nlohmann::json;

constexpr const char* kPath = "filteringCriteria";

Result<std::set<std::string>> strings(const json& object, const char* name) {
  std::set<std::string> out;
  for (const auto& item : object.value(name, json::array())) {
    if (!item.is_string()) return bad_field(fmt::format("{}.{}", kPath, name), "must hold strings");
    out.insert(item.get<std::string>());
  }
  return out;
}

Result<void> check_one_way(const FilteringCriteria& criteria) {
  const int ways =
      int{!criteria.ids.empty()} + int{!criteria.names.empty()} + int{!criteria.categories.empty()};
  if (ways <= 1) return {};
  return bad_field(kPath, "takes one of serInstanceIds, serNames and serCategories, got {}", ways);
}

bool matches_identity(const FilteringCriteria& criteria, const std::string& id,
                      const ServiceRecord* record) {
  if (record == nullptr) return false;
  if (!criteria.ids.empty()) return criteria.ids.contains(id);
  const auto& info = record->info;
  if (!criteria.names.empty()) return criteria.names.contains(info.name);
  if (criteria.categories.empty()) return true;
  return info.category && criteria.categories.contains(info.category->id);
}

}  // namespace

Result<FilteringCriteria> criteria_from_json(const json& object) {
  if (!object.is_object()) return bad_field(kPath, "must be an object");
  FilteringCriteria out;
  auto ids = strings(object, "serInstanceIds");
  if (!ids) return std::unexpected(ids.error());
  auto names = strings(object, "serNames");
  if (!names) return std::unexpected(names.error());
  out.ids = std::move(*ids);
  out.names = std::move(*names);
  for (const auto& item : object.value("serCategories", json::array())) {
    auto category = category_from_json(item, fmt::format("{}.serCategories", kPath));
    if (!category) return std::unexpected(category.error());
    out.categories.insert(std::move(category->id));
  }
  for (const auto& item : object.value("states", json::array())) {
    const auto state =
        item.is_string() ? parse_service_state(item.get<std::string>()) : std::nullopt;
    if (!state) return bad_field(fmt::format("{}.states", kPath), "holds a word not known here");
    out.states.insert(*state);
  }
  if (object.contains("isLocal")) out.is_local = object["isLocal"] == true;
  if (auto ok = check_one_way(out); !ok) return std::unexpected(ok.error());
  return out;
}

bool matches(const FilteringCriteria& criteria, const ServiceChange& change) {
  if (!matches_identity(criteria, change.id, change.before) &&
      !matches_identity(criteria, change.id, change.after)) {
    return false;
  }
  const auto& latest = change.latest();
  if (!criteria.states.empty() && !criteria.states.contains(latest.state())) return false;
  return !criteria.is_local || *criteria.is_local == latest.info.is_local;
}

}  // namespace sluice::mep::registry
