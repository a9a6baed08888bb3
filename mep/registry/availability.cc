#include "mep/registry/availability.h"

#include <map>

namespace sluice::mep::registry {
namespace {

using nlohmann::json;

json reference(const ServiceChange& change, const Links& links) {
  const auto& latest = change.latest();
  json out = {{"serName", latest.info.name},
              {"serInstanceId", change.id},
              {"state", to_string(latest.state())},
              {"changeType", to_string(classify(change).value_or(ChangeType::kStateChanged))}};
  if (change.after != nullptr) out["link"]["href"] = links.service(change.id);
  return out;
}

// What was stored has been checked.
FilteringCriteria criteria_of(const notify::Subscription& subscription) {
  const auto given = subscription.body.find("filteringCriteria");
  if (given == subscription.body.end()) return {};
  return criteria_from_json(*given).value_or(FilteringCriteria{});
}

}  // namespace

json availability_notification(std::span<const ServiceChange> changes, const Links& links) {
  auto references = json::array();
  for (const auto& change : changes) references.push_back(reference(change, links));
  return {{"notificationType", "SerAvailabilityNotification"},
          {"serviceReferences", std::move(references)}};
}

Availability::Availability(const notify::Outbox& outbox, Links links)
    : outbox_(outbox),
      links_(std::move(links)),
      subscriptions_(outbox.records(), kApi, kSubscriptionType, criteria_of) {}

void Availability::announce(store::Transaction& change, std::span<const ServiceChange> changes) {
  std::vector<ServiceChange> visible;
  for (const auto& c : changes) {
    if (classify(c)) visible.push_back(c);
  }
  if (visible.empty()) return;

  // Those who are told the same share one event.
  std::map<std::vector<size_t>, std::vector<std::string>> audiences;
  subscriptions_.find(change.view(), [&](const auto& criteria, const auto& subscription) {
    std::vector<size_t> about;
    for (size_t i = 0; i < visible.size(); ++i) {
      if (matches(criteria, visible[i])) about.push_back(i);
    }
    if (!about.empty()) audiences[std::move(about)].push_back(subscription.id);
    return false;  // they have been put down already
  });
  for (auto& [about, audience] : audiences) {
    std::vector<ServiceChange> told;
    for (const auto i : about) told.push_back(visible[i]);
    outbox_.enqueue(change, availability_notification(told, links_), std::move(audience));
  }
}

}  // namespace sluice::mep::registry
