#include "mep/capif/api_index.h"

#include <algorithm>

#include "mep/capif/description.h"

namespace sluice::mep::capif {
namespace {

using nlohmann::json;

std::string text(const json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<std::string> parameter(const http::Query& query, const char* name) {
  const auto value = query.get(name);
  if (!value) return std::nullopt;
  return std::string(*value);
}

bool is(const std::optional<std::string>& wanted, const std::string& value) {
  return !wanted || *wanted == value;
}

}  // namespace

ApiQuery ApiQuery::parse(const http::Query& query) {
  return {.api_name = parameter(query, "api-name"),
          .category = parameter(query, "api-cat"),
          .aef_id = parameter(query, "aef-id"),
          .protocol = parameter(query, "protocol"),
          .data_format = parameter(query, "data-format"),
          .api_version = parameter(query, "api-version"),
          .comm_type = parameter(query, "comm-type")};
}

ApiIndex::Profile ApiIndex::read_profile(const json& profile) {
  Profile out{text(profile, "aefId"), text(profile, "protocol"), text(profile, "dataFormat"), {}};
  for (const auto& version : profile.at("versions")) {
    auto& known = out.versions.emplace_back(Version{text(version, "apiVersion"), {}});
    // What a resource or custom operation of that version is like.
    for (const auto* list : {"resources", "custOperations"}) {
      const auto found = version.find(list);
      if (found == version.end()) continue;
      for (const auto& item : *found) {
        if (auto type = text(item, "commType"); !type.empty()) known.comm_types.insert(type);
      }
    }
  }
  return out;
}

bool ApiIndex::admits(const ApiQuery& query, const Profile& profile) {
  if (!is(query.aef_id, profile.aef_id) || !is(query.protocol, profile.protocol) ||
      !is(query.data_format, profile.data_format)) {
    return false;
  }
  return std::ranges::any_of(profile.versions, [&](const Version& version) {
    return is(query.api_version, version.api_version) &&
           (!query.comm_type || version.comm_types.contains(*query.comm_type));
  });
}

bool ApiIndex::admits(const ApiQuery& query, const Facets& api) {
  if (!is(query.api_name, api.name)) return false;
  if (query.category && *query.category != api.category && *query.category != api.category_id) {
    return false;
  }
  return std::ranges::any_of(api.profiles, [&](const Profile& p) { return admits(query, p); });
}

bool admits(const ApiQuery& query, const json& profile) {
  return ApiIndex::admits(query, ApiIndex::read_profile(profile));
}

ApiIndex::Facets ApiIndex::facets_of(const std::string& id,
                                     const registry::ServiceRecord& record) const {
  const auto description = describe(id, record, registry_.transport_of(record));
  Facets out{record.info.name,
             record.info.category ? record.info.category->id : "",
             text(description, "serviceAPICategory"),
             {}};
  for (const auto& profile : description.at("aefProfiles")) {
    out.profiles.push_back(read_profile(profile));
  }
  return out;
}

template <typename Change>
void ApiIndex::each_key(const Facets& api, Change change) {
  change(by_name_, api.name);
  for (const auto& profile : api.profiles) change(by_aef_, profile.aef_id);
  for (const auto* category : {&api.category, &api.category_id}) {
    if (!category->empty()) change(by_category_, *category);
  }
}

void ApiIndex::remember(const std::string& id, const registry::ServiceRecord& record) {
  const auto& api = apis_.insert_or_assign(id, facets_of(id, record)).first->second;
  each_key(api, [&](Index& index, const std::string& key) { index[key].insert(id); });
}

void ApiIndex::forget(const std::string& id) {
  const auto found = apis_.find(id);
  each_key(found->second, [&](Index& index, const std::string& key) {
    const auto ids = index.find(key);
    if (ids == index.end()) return;  // under the same key twice
    ids->second.erase(id);
    if (ids->second.empty()) index.erase(ids);
  });
  apis_.erase(found);
}

void ApiIndex::catch_up(const store::Snapshot& state) {
  services_.catch_up(
      state, [this](const auto& id) { forget(id); },
      [this](const auto& id, const auto& stored) { remember(id, stored.value); });
}

std::vector<std::string> ApiIndex::find(const store::Snapshot& state, const ApiQuery& query,
                                        std::string_view after, size_t most) {
  catch_up(state);
  const auto lock = services_.reading();
  std::vector<std::string> out;
  const auto among = [&](const Index& index, const std::string& key) {
    const auto ids = index.find(key);
    if (ids == index.end()) return;
    for (auto i = ids->second.upper_bound(after); i != ids->second.end() && out.size() < most;
         ++i) {
      if (admits(query, apis_.find(*i)->second)) out.push_back(*i);
    }
  };
  if (query.api_name) {
    among(by_name_, *query.api_name);
  } else if (query.aef_id) {
    among(by_aef_, *query.aef_id);
  } else if (query.category) {
    among(by_category_, *query.category);
  } else {
    for (auto i = apis_.upper_bound(after); i != apis_.end() && out.size() < most; ++i) {
      if (admits(query, i->second)) out.push_back(i->first);
    }
  }
  return out;
}

}  // namespace sluice::mep::capif
