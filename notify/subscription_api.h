// What distinguishes the subscriptions of one API from those of another.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/http/message.h"
#include "base/store/transaction.h"
#include "notify/subscription.h"

namespace sluice::notify {

// Reads the members that are the API's own (filters, thresholds) from the body of a request, checks
// them and returns them as they are to be stored, matched and shown. Members that all subscriptions
// have are not its business. The error names the field.
using SubscriptionParser =
    std::function<Result<nlohmann::json>(const nlohmann::json& body, const std::string& owner)>;

struct SubscriptionLink {
  std::string href;
  std::string type;
};

// {"_links": {"self": {"href": …}, "subscriptions": [{"href": …, "subscriptionType": …}]}}, the
// SubscriptionLinkList of MEC 011 §6.2.2.
nlohmann::json mec011_link_list(const std::string& self,
                                const std::vector<SubscriptionLink>& subscriptions);
// The same with "subscription", as MEC 012 and MEC 021 name it.
nlohmann::json mec012_link_list(const std::string& self,
                                const std::vector<SubscriptionLink>& subscriptions);

struct SubscriptionApi {
  std::string name;  // "mec_service_mgmt"; distinguishes it in the store
  // Path of the collection: "/mec_service_mgmt/v1/applications/{owner}/subscriptions", its
  // parameters percent-encoded.
  std::function<std::string(const std::string& owner)> path;
  // Whose subscriptions the request is about: a path parameter or the token's subject. Refuses
  // those who may not (403) and owners that do not exist (404).
  std::function<Result<std::string>(const http::Request&)> owner;
  // By subscriptionType. An API without such a member has one type here and `has_type` false.
  std::map<std::string, SubscriptionParser> types;
  bool has_type = true;
  // Bodies stand in an object whose one member is named after the type, its first letter small, as
  // MEC 013 has them; has_type is true then.
  bool wrapped = false;
  std::string id_parameter = "subscriptionId";        // of the path of one subscription
  std::string callback_member = "callbackReference";  // CAPIF: "notificationDestination"
  NamedBy named_by = NamedBy::kLink;                  // in notifications
  bool has_id = false;                                // whether resources show `id`
  bool has_links = true;                              // whether resources show _links.self
  // The body of GET on the collection. Null: an array of the subscriptions themselves.
  std::function<nlohmann::json(const std::string& self, const std::vector<SubscriptionLink>&)>
      list = mec011_link_list;
  size_t max_per_owner = 100;  // beyond: 403
  // The last word, inside the change that stores the subscription (does the app still exist?). May
  // put events for it into the outbox. Null: nothing to say.
  std::function<Result<void>(store::Transaction&, const Subscription&)> admit;
};

}  // namespace sluice::notify
