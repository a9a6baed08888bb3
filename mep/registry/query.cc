#include "mep/registry/query.h"

#include <algorithm>

#include "base/rest/list_query.h"

namespace sluice::mep::registry {
namespace {

std::optional<bool> flag(const http::Query& query, std::string_view name) {
  const auto value = query.get(name);
  if (!value) return std::nullopt;
  return *value == "true";
}

bool holds(const std::vector<std::string>& values, std::string_view value) {
  return std::ranges::find(values, value) != values.end();
}

}  // namespace

Result<ServiceQuery> ServiceQuery::parse(const http::Query& query) {
  ServiceQuery out;
  out.ids = rest::query_values(query, "ser_instance_id");
  out.names = rest::query_values(query, "ser_name");
  out.categories = rest::query_values(query, "ser_category_id");
  const int ways = int{!out.ids.empty()} + int{!out.names.empty()} + int{!out.categories.empty()};
  if (ways > 1) {
    return bad_field(out.ids.empty() ? "ser_category_id" : "ser_instance_id",
                     "only one of ser_instance_id, ser_name and ser_category_id may be given");
  }
  if (const auto scope = query.get("scope_of_locality")) {
    out.scope_of_locality = parse_locality(*scope);
    if (!out.scope_of_locality) return bad_field("scope_of_locality", "is not a word known here");
  }
  out.consumed_local_only = flag(query, "consumed_local_only");
  out.is_local = flag(query, "is_local");
  return out;
}

ServiceFacets::ServiceFacets(const ServiceInfo& info)
    : name(info.name),
      category(info.category ? info.category->id : ""),
      scope_of_locality(info.scope_of_locality),
      consumed_local_only(info.consumed_local_only),
      is_local(info.is_local) {}

bool matches(const ServiceQuery& query, std::string_view id, const ServiceFacets& service) {
  if (!query.ids.empty() && !holds(query.ids, id)) return false;
  if (!query.names.empty() && !holds(query.names, service.name)) return false;
  if (!query.categories.empty() &&
      (service.category.empty() || !holds(query.categories, service.category))) {
    return false;
  }
  if (query.scope_of_locality && *query.scope_of_locality != service.scope_of_locality) {
    return false;
  }
  if (query.consumed_local_only && *query.consumed_local_only != service.consumed_local_only) {
    return false;
  }
  return !query.is_local || *query.is_local == service.is_local;
}

}  // namespace sluice::mep::registry
