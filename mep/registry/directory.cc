#include "mep/registry/directory.h"

#include <mutex>

namespace sluice::mep::registry {
namespace {

template <typename Index>
void drop(Index& index, const std::string& key, const std::string& id) {
  const auto found = index.find(key);
  if (found == index.end()) return;
  found->second.erase(id);
  if (found->second.empty()) index.erase(found);
}

}  // namespace

std::shared_ptr<const Directory::Entry> Directory::make_entry(
    const std::string& id, const store::Stored<ServiceRecord>& stored) const {
  auto out = std::make_shared<Entry>();
  out->record = stored.value;
  out->revision = stored.revision;
  out->view = service_view(id, stored.value, registry_.transport_of(stored.value), links_,
                           links_.service(id));
  out->text = out->view.dump();
  return out;
}

void Directory::remember(const std::string& id, const store::Stored<ServiceRecord>& stored) {
  entries_.insert_or_assign(id, make_entry(id, stored));
  const auto& record = stored.value;
  by_name_[record.info.name].insert(id);
  by_owner_[record.owner].insert(id);
  if (record.info.category) by_category_[record.info.category->id].insert(id);
}

void Directory::forget(const std::string& id, const ServiceRecord& record) {
  entries_.erase(id);
  drop(by_name_, record.info.name, id);
  drop(by_owner_, record.owner, id);
  if (record.info.category) drop(by_category_, record.info.category->id, id);
}

void Directory::catch_up(const store::Snapshot& state) {
  {
    const std::shared_lock lock(mutex_);
    if (seen_revision_ >= state.revision()) return;
  }
  const std::lock_guard lock(mutex_);
  if (seen_revision_ >= state.revision()) return;
  const auto& rows = state.of(registry_.records().services);
  Rows::for_each_difference(seen_, rows, [this](const auto& id, const auto* was, const auto* is) {
    if (was != nullptr) forget(id, was->value);
    if (is != nullptr) remember(id, *is);
  });
  seen_ = rows;
  seen_revision_ = state.revision();
}

// The ids that can be meant, where the query names any.
Directory::Ids Directory::candidates(const ServiceQuery& query) const {
  Ids out(query.ids.begin(), query.ids.end());
  const auto gather = [&](const auto& index, const std::vector<std::string>& keys) {
    for (const auto& key : keys) {
      const auto found = index.find(key);
      if (found != index.end()) out.insert(found->second.begin(), found->second.end());
    }
  };
  gather(by_name_, query.names);
  gather(by_category_, query.categories);
  return out;
}

std::vector<Directory::Item> Directory::find(const store::Snapshot& state,
                                             const ServiceQuery& query) {
  catch_up(state);
  const std::shared_lock lock(mutex_);
  std::vector<Item> out;
  const auto take = [&](const std::string& id, const std::shared_ptr<const Entry>& entry) {
    if (matches(query, id, entry->record)) out.emplace_back(id, entry);
  };
  if (!query.has_identity()) {
    for (const auto& [id, entry] : entries_) take(id, entry);
    return out;
  }
  for (const auto& id : candidates(query)) {
    const auto found = entries_.find(id);
    if (found != entries_.end()) take(id, found->second);
  }
  return out;
}

std::vector<Directory::Item> Directory::find_of(const store::Snapshot& state,
                                                const ServiceQuery& query, std::string_view owner) {
  catch_up(state);
  const std::shared_lock lock(mutex_);
  std::vector<Item> out;
  const auto own = by_owner_.find(owner);
  if (own == by_owner_.end()) return out;
  for (const auto& id : own->second) {
    const auto& entry = entries_.at(id);
    if (matches(query, id, entry->record)) out.emplace_back(id, entry);
  }
  return out;
}

}  // namespace sluice::mep::registry
