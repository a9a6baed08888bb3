#include "mep/registry/directory.h"

#include <algorithm>

namespace sluice::mep::registry {
namespace {

template <typename Index>
void drop(Index& index, const std::string& key, std::string_view id) {
  const auto found = index.find(key);
  if (found == index.end()) return;
  found->second.erase(id);
  if (found->second.empty()) index.erase(found);
}

// Appends the first `most` of those behind `after` that the query admits.
template <typename ById>
void gather(const ById& from, const ServiceQuery& query, std::string_view after, size_t most,
            Directory::Entries& out) {
  const size_t end = out.size() + most;
  for (auto i = from.upper_bound(after); i != from.end() && out.size() < end; ++i) {
    if (matches(query, i->first, i->second->facets)) out.push_back(i->second);
  }
}

// Of several lists, each in order, the beginning of the whole.
void merge(Directory::Entries& entries, size_t most) {
  const auto id_of = [](const auto& entry) -> const std::string& { return entry->id; };
  std::ranges::sort(entries, {}, id_of);
  const auto rest = std::ranges::unique(entries);
  entries.erase(rest.begin(), rest.end());
  if (entries.size() > most) entries.resize(most);
}

}  // namespace

std::string Directory::Entry::text_at(std::string_view self) const {
  std::string out;
  out.reserve(text.size() - self_octets + self.size());
  out.append(text, 0, self_at).append(self).append(text, self_at + self_octets);
  return out;
}

std::shared_ptr<const Directory::Entry> Directory::make_entry(
    const std::string& id, const store::Stored<ServiceRecord>& stored) const {
  const auto& record = stored.value;
  const auto self = links_.service(id);
  const auto view = service_view(id, record, registry_.transport_of(record), links_, self);
  auto out = std::make_shared<Entry>(
      Entry{id, record.owner, ServiceFacets(record.info), view.dump(), stored.revision});
  // The links come first in the text and are ours, so that the first match is the right one.
  static constexpr std::string_view kSelf = R"("self":{"href":")";
  out->self_at = out->text.find(kSelf) + kSelf.size();
  out->self_octets = self.size();
  out->text.shrink_to_fit();
  return out;
}

void Directory::remember(const std::string& id, const store::Stored<ServiceRecord>& stored) {
  const auto entry = make_entry(id, stored);
  entries_.emplace(entry->id, entry);
  by_name_[entry->facets.name].emplace(entry->id, entry);
  by_owner_[entry->owner].emplace(entry->id, entry);
  if (!entry->facets.category.empty())
    by_category_[entry->facets.category].emplace(entry->id, entry);
}

void Directory::forget(const std::string& id) {
  const auto found = entries_.find(id);
  const auto entry = found->second;  // until the last key that is a part of it is gone
  entries_.erase(found);
  drop(by_name_, entry->facets.name, id);
  drop(by_owner_, entry->owner, id);
  drop(by_category_, entry->facets.category, id);
}

void Directory::catch_up(const store::Snapshot& state) {
  services_.catch_up(
      state, [this](const auto& id) { forget(id); },
      [this](const auto& id, const auto& stored) { remember(id, stored); });
}

Directory::Entries Directory::find(const store::Snapshot& state, const ServiceQuery& query,
                                   std::string_view after, size_t most) {
  catch_up(state);
  const auto lock = services_.reading();
  Entries out;
  if (!query.has_identity()) {
    gather(entries_, query, after, most, out);
    return out;
  }
  for (const auto& id : query.ids) {
    const auto found = entries_.find(id);
    if (found != entries_.end() && id > after && matches(query, id, found->second->facets)) {
      out.push_back(found->second);
    }
  }
  const auto gather_all = [&](const Index& index, const std::vector<std::string>& keys) {
    for (const auto& key : keys) {
      const auto found = index.find(key);
      if (found != index.end()) gather(found->second, query, after, most, out);
    }
  };
  gather_all(by_name_, query.names);
  gather_all(by_category_, query.categories);
  merge(out, most);
  return out;
}

Directory::Entries Directory::find_of(const store::Snapshot& state, const ServiceQuery& query,
                                      std::string_view owner, std::string_view after, size_t most) {
  catch_up(state);
  const auto lock = services_.reading();
  Entries out;
  const auto own = by_owner_.find(owner);
  if (own != by_owner_.end()) gather(own->second, query, after, most, out);
  return out;
}

std::shared_ptr<const Directory::Entry> Directory::get(const store::Snapshot& state,
                                                       std::string_view id) {
  catch_up(state);
  const auto lock = services_.reading();
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second;
}

}  // namespace sluice::mep::registry
