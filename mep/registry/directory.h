// Finds services quickly: what is asked for is looked up by id, name or category and sent as text
// that was made when the service last changed.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/store/snapshot.h"
#include "mep/registry/query.h"
#include "mep/registry/registry.h"
#include "mep/registry/view.h"

namespace sluice::mep::registry {

class Directory {
 public:
  // `registry` must outlive it.
  Directory(const Registry& registry, Links links)
      : registry_(registry), links_(std::move(links)) {}

  struct Entry {
    ServiceRecord record;
    nlohmann::json view;  // as /services/{serviceId} shows it
    std::string text;     // the same as JSON text
    uint64_t revision = 0;
  };
  using Item = std::pair<std::string, std::shared_ptr<const Entry>>;  // serInstanceId and entry

  // Takes in what changed until `state`, so that the next one who asks need not wait for it.
  void catch_up(const store::Snapshot& state);

  // The services of `state` (or of a later one) that the query admits, in the order of their ids.
  // From any thread. Takes in what changed since it was last asked: O(changes + answer), unless the
  // query names no id, name or category.
  std::vector<Item> find(const store::Snapshot& state, const ServiceQuery& query);

  // All services of one owner, as the query admits.
  std::vector<Item> find_of(const store::Snapshot& state, const ServiceQuery& query,
                            std::string_view owner);

 private:
  using Ids = std::set<std::string, std::less<>>;
  using Rows = store::PersistentMap<store::Stored<ServiceRecord>>;

  void remember(const std::string& id, const store::Stored<ServiceRecord>& stored);
  void forget(const std::string& id, const ServiceRecord& record);
  std::shared_ptr<const Entry> make_entry(const std::string& id,
                                          const store::Stored<ServiceRecord>& stored) const;
  Ids candidates(const ServiceQuery& query) const;

  const Registry& registry_;
  const Links links_;

  std::shared_mutex mutex_;  // guards what follows
  Rows seen_;
  uint64_t seen_revision_ = 0;
  std::map<std::string, std::shared_ptr<const Entry>, std::less<>> entries_;  // by id
  std::unordered_map<std::string, Ids> by_name_;
  std::unordered_map<std::string, Ids> by_category_;
  std::map<std::string, Ids, std::less<>> by_owner_;
};

}  // namespace sluice::mep::registry
