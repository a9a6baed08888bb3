// Finds services quickly: what is asked for is looked up by id, name, category or owner and sent as
// text that was made when the service last changed. That text is all that is kept of a service
// here.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/store/follower.h"
#include "mep/registry/query.h"
#include "mep/registry/registry.h"
#include "mep/registry/view.h"

namespace sluice::mep::registry {

class Directory {
 public:
  // `registry` must outlive it.
  Directory(const Registry& registry, Links links)
      : registry_(registry), links_(std::move(links)), services_(registry.records().services) {}

  struct Entry {
    std::string id;  // serInstanceId
    std::string owner;
    ServiceFacets facets;
    std::string text;  // as /services/{serviceId} shows it
    uint64_t revision = 0;

    // As its owner sees it: with another link to itself.
    std::string text_at(std::string_view self) const;
    size_t self_at = 0;  // where in the text that link is
    size_t self_octets = 0;
  };
  using Entries = std::vector<std::shared_ptr<const Entry>>;

  // Takes in what changed until `state`, so that the next one who asks need not wait for it.
  void catch_up(const store::Snapshot& state);

  // The first `most` services of `state` (or of a later one) with ids above `after` that the query
  // admits, in the order of their ids. From any thread. Takes time in proportion to what changed
  // since it was last asked and to the services of the ids, names or categories that are asked for;
  // without any, to all.
  Entries find(const store::Snapshot& state, const ServiceQuery& query, std::string_view after,
               size_t most);
  // Of those of one owner.
  Entries find_of(const store::Snapshot& state, const ServiceQuery& query, std::string_view owner,
                  std::string_view after, size_t most);
  // The service, or null.
  std::shared_ptr<const Entry> get(const store::Snapshot& state, std::string_view id);

 private:
  using ById = std::map<std::string_view, std::shared_ptr<const Entry>>;  // keys: the entries' own
  using Index = std::map<std::string, ById, std::less<>>;

  void remember(const std::string& id, const store::Stored<ServiceRecord>& stored);
  void forget(const std::string& id);
  std::shared_ptr<const Entry> make_entry(const std::string& id,
                                          const store::Stored<ServiceRecord>& stored) const;

  const Registry& registry_;
  const Links links_;

  store::Follower<ServiceRecord> services_;  // guards what follows
  ById entries_;
  Index by_name_, by_category_, by_owner_;
};

}  // namespace sluice::mep::registry
