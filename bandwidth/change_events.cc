#include "bandwidth/change_events.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace sluice::bandwidth {
namespace {

using nlohmann::json;

Result<std::vector<Criterion>> criteria_from_json(const json& list) {
  std::vector<Criterion> out;
  for (size_t i = 0; i < list.size(); ++i) {
    Criterion criterion;
    if (const auto ue = list[i].find("ueIp"); ue != list[i].end()) {
      criterion.ue_text = ue->get<std::string>();
      auto address = IpAddress::parse(criterion.ue_text);
      if (!address) {
        return bad_field(fmt::format("filterCriteria[{}].ueIp", i), "{}", address.error().message);
      }
      criterion.ue = *address;
    }
    out.push_back(std::move(criterion));
  }
  return out;
}

bool concerns(const Criterion& criterion, const Allocation* allocation) {
  if (allocation == nullptr) return false;
  return !criterion.ue ||
         std::ranges::find(allocation->hosts, *criterion.ue) != allocation->hosts.end();
}

}  // namespace

Result<json> read_criteria(const json& body, const std::string& owner) {
  const auto& list = body.at("filterCriteria");
  for (const auto& criterion : list) {
    if (criterion.at("appInsId") == owner) continue;
    return fail(ErrorCode::kPermissionDenied,
                "filterCriteria: the access token is of another app instance");
  }
  if (auto criteria = criteria_from_json(list); !criteria) {
    return std::unexpected(criteria.error());
  }
  return json{{"filterCriteria", list}};
}

ChangeEvents::ChangeEvents(const notify::Outbox& outbox, Carried carried)
    : outbox_(outbox),
      carried_(std::move(carried)),
      subscriptions_(outbox.records(), kApi, kSubscriptionType,
                     [](const notify::Subscription& subscription) {
                       // What was stored has been checked.
                       return criteria_from_json(subscription.body.at("filterCriteria")).value();
                     }) {}

void ChangeEvents::announce(store::Transaction& change, const std::string& id,
                            const Allocation* before, const Allocation* after) {
  const auto& app = (after != nullptr ? after : before)->app_instance_id;
  const auto volume = carried_(id);
  // Those who are told the same share one event.
  std::map<json, std::vector<std::string>> audiences;
  subscriptions_.find(change.view(), [&](const auto& criteria, const auto& subscription) {
    if (subscription.owner != app) return false;
    auto told = json::array();
    for (const auto& criterion : criteria) {
      if (!concerns(criterion, before) && !concerns(criterion, after)) continue;
      json entry = {{"dataVol", volume}, {"appInsId", app}};
      if (criterion.ue) entry["ueIp"] = criterion.ue_text;
      told.push_back(std::move(entry));
    }
    if (!told.empty()) audiences[std::move(told)].push_back(subscription.id);
    return false;  // they have been put down already
  });
  for (auto& [told, audience] : audiences) {
    outbox_.enqueue(change,
                    {{"notificationType", "BwChgEventNotification"},
                     {"timeStamp", notify::time_stamp(change.now())},
                     {"dataVolDispersion", told}},
                    std::move(audience));
  }
}

}  // namespace sluice::bandwidth
