// What discovery compares of every service API (TS 29.222 §8.1.2.2.3.1), ready to be looked up: a
// description is made of those alone that a reply shows.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/message.h"
#include "base/store/follower.h"
#include "mep/registry/registry.h"

namespace sluice::mep::capif {

// The query parameters of discovery. All that are given must hold; those on a profile or version
// must hold of one and the same.
struct ApiQuery {
  std::optional<std::string> api_name;
  std::optional<std::string> category;  // id of a category, or serviceAPICategory
  std::optional<std::string> aef_id, protocol, data_format;  // of a profile
  std::optional<std::string> api_version, comm_type;         // of a version of it

  static ApiQuery parse(const http::Query& query);
};

// Whether one of the profiles of a ServiceAPIDescription is what the query asks for.
bool admits(const ApiQuery& query, const nlohmann::json& profile);

class ApiIndex {
 public:
  // `registry` must outlive it.
  explicit ApiIndex(const registry::Registry& registry)
      : registry_(registry), services_(registry.records().services) {}

  // Takes in what changed until `state`, so that the next one who asks need not wait for it.
  void catch_up(const store::Snapshot& state);

  // The ids of the first `most` service APIs of `state` (or of a later one) behind `after` that the
  // query admits, ascending. From any thread. Takes time in proportion to what has changed and to
  // the service APIs of the name, AEF or category; without any, to all.
  std::vector<std::string> find(const store::Snapshot& state, const ApiQuery& query,
                                std::string_view after, size_t most);

 private:
  struct Version {
    std::string api_version;
    std::set<std::string, std::less<>> comm_types;
  };
  struct Profile {
    std::string aef_id, protocol, data_format;  // empty: not said
    std::vector<Version> versions;
  };
  struct Facets {
    std::string name, category_id, category;
    std::vector<Profile> profiles;
  };
  using Ids = std::set<std::string, std::less<>>;
  using Index = std::map<std::string, Ids, std::less<>>;

  static Profile read_profile(const nlohmann::json& profile);
  static bool admits(const ApiQuery& query, const Profile& profile);
  static bool admits(const ApiQuery& query, const Facets& api);
  friend bool admits(const ApiQuery& query, const nlohmann::json& profile);

  Facets facets_of(const std::string& id, const registry::ServiceRecord& record) const;
  void remember(const std::string& id, const registry::ServiceRecord& record);
  void forget(const std::string& id);
  template <typename Change>
  void each_key(const Facets& api, Change change);  // change(index, key)

  const registry::Registry& registry_;
  store::Follower<registry::ServiceRecord> services_;  // guards what follows
  std::map<std::string, Facets, std::less<>> apis_;    // by apiId
  Index by_name_, by_aef_, by_category_;
};

}  // namespace sluice::mep::capif
