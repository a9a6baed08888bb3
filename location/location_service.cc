#include "location/location_service.h"

#include "base/http/etag.h"
#include "base/http/problem.h"
#include "location/queries.h"

namespace sluice::location {
namespace {

using http::Request;
using http::Response;
using http::to_response;
using nlohmann::json;

constexpr std::chrono::milliseconds kTick{100};
constexpr const char* kPath = "/location/v3";

// A collection of subscriptions: its types by the values of subscription_type, and what its
// operations are called.
struct Collection {
  const char* name;
  const char* operation;
  std::map<std::string, std::string> types;
};

const std::vector<Collection>& collections() {
  static const std::vector<Collection> kCollections = {
      {"users",
       "User",
       {{"event", "UserLocationEventSubscription"},
        {"periodic", "UserLocationPeriodicSubscription"}}},
      {"zones",
       "Zone",
       {{"event", "ZoneLocationEventSubscription"}, {"status", "ZoneStatusSubscription"}}},
      {"area", "Area", {{"event", "UserAreaSubscription"}}},
      {"distance", "Distance", {{"event", "UserDistanceSubscription"}}}};
  return kCollections;
}

std::string api_of(const std::string& collection) { return "location_" + collection; }

bool has_text(const json& body, const char* member, std::string_view text) {
  const auto found = body.find(member);
  return found != body.end() && *found == text;
}

// The subscription that the owner has with the clientCorrelator of `body`, `id` aside; null: none.
const notify::Subscription* correlated(const store::Snapshot& state, const notify::Records& records,
                                       const std::string& api, const std::string& owner,
                                       const json& body, const std::string& id) {
  const auto correlator = body.is_object() ? body.find("clientCorrelator") : body.end();
  if (correlator == body.end() || !correlator->is_string()) return nullptr;
  const auto& text = correlator->get_ref<const std::string&>();
  const auto& rows = state.of(records.subscriptions);
  const auto prefix = notify::subscription_prefix(api, owner);
  for (auto i = rows.lower_bound(prefix); i != rows.end() && i->first.starts_with(prefix); ++i) {
    const auto& known = i->second.value;
    if (known.id != id && has_text(known.body, "clientCorrelator", text)) return &known;
  }
  return nullptr;
}

std::unexpected<Error> correlator_is_used() {
  return fail(ErrorCode::kPermissionDenied,
              "another subscription of yours has this clientCorrelator");
}

}  // namespace

LocationService::LocationService(LocationSite site, const LocationOptions& options)
    : site_(std::move(site)),
      answers_(site_.feed, site_.notify.public_uri + kPath),
      tracker_({site_.feed, answers_, site_.notify.store, site_.notify.outbox, site_.records,
                site_.clock, options.waiting_notifications}) {
  for (const auto& collection : collections()) {
    resources_.emplace(
        collection.name,
        notify::SubscriptionResource(
            site_.notify, subscription_api(collection.name, options.subscriptions_of_app)));
  }
  site_.feed.follow(&tracker_);
  timer_ = site_.loop.every(kTick, [this] { tracker_.tick(); });
}

LocationService::~LocationService() { close(); }

void LocationService::close() {
  site_.loop.cancel(timer_);
  site_.feed.follow(nullptr);
}

notify::SubscriptionApi LocationService::subscription_api(const std::string& collection,
                                                          size_t limit) const {
  notify::SubscriptionApi out;
  out.name = api_of(collection);
  out.path = [collection](const std::string&) {
    return std::string(kPath) + "/subscriptions/" + collection;
  };
  out.owner = site_.caller;
  for (const auto& known : collections()) {
    if (known.name != collection) continue;
    for (const auto& [word, type] : known.types) {
      out.types[type] = [name = type](const json& body, const std::string&) {
        return own_members(name, body);
      };
    }
  }
  out.wrapped = true;
  out.max_per_owner = limit;
  out.admit = [exists = site_.app_exists, records = site_.notify.outbox.records()](
                  store::Transaction& change, const notify::Subscription& s) -> Result<void> {
    if (!exists(change.view(), s.owner))
      return fail(ErrorCode::kNotFound, "no app instance '{}'", s.owner);
    if (correlated(change.view(), records, s.api, s.owner, s.body, s.id) != nullptr)
      return correlator_is_used();
    return {};
  };
  return out;
}

http::Handlers LocationService::handlers() const {
  auto out = query_handlers(site_.feed, answers_);
  for (const auto& collection : collections()) {
    const std::string name = collection.name;
    const std::string what = collection.operation;
    out.merge(resources_.at(name).handlers({.list = "",
                                            .create = "",
                                            .read = "getLocation" + what + "Subscription",
                                            .replace = "putLocation" + what + "Subscription",
                                            .remove = "deleteLocation" + what + "Subscription"}));
    out.emplace("listLocation" + what + "Subscriptions",
                [this, name](const Request& request) { return list(name, request); });
    out.emplace("createLocation" + what + "Subscription",
                [this, name](const Request& request) { return create(name, request); });
  }
  return out;
}

// NotificationSubscriptionList (§6.3.3), of what the query parameters admit.
Response LocationService::list(const std::string& collection, const Request& request) const {
  const auto owner = site_.caller(request);
  if (!owner) return to_response(owner.error());
  const auto wanted = request.query.get("subscription_type");
  const auto address = request.query.get("address");
  const auto zone = request.query.get("zoneId");
  auto links = json::array();
  const auto state = site_.notify.store.snapshot();
  const auto& rows = state.of(site_.notify.outbox.records().subscriptions);
  const auto prefix = notify::subscription_prefix(api_of(collection), *owner);
  for (const auto& known : collections()) {
    if (known.name != collection) continue;
    for (auto i = rows.lower_bound(prefix); i != rows.end() && i->first.starts_with(prefix); ++i) {
      const auto& subscription = i->second.value;
      if (wanted && known.types.at(std::string(*wanted)) != subscription.type) continue;
      if (address && !has_text(subscription.body, "address", *address)) continue;
      if (zone && !has_text(subscription.body, "zoneId", *zone)) continue;
      links.push_back({{"href", subscription.href}, {"subscriptionType", subscription.type}});
    }
  }
  const auto self = answers_.base() + "/subscriptions/" + collection;
  return Response::json(
      200, {{"notificationSubscriptionList",
             {{"resourceURL", {{"href", self}}}, {"subscription", std::move(links)}}}});
}

// A client that did not hear of its success asks again with the same clientCorrelator (§6.3, note
// 2): it gets the subscription that it has. Of two that ask at the same time `admit` lets one in.
Response LocationService::create(const std::string& collection, const Request& request) const {
  const auto owner = site_.caller(request);
  if (!owner) return to_response(owner.error());
  const auto& resource = resources_.at(collection);
  const auto& body =
      request.json.is_object() && request.json.size() == 1 ? *request.json.begin() : json();
  const auto state = site_.notify.store.snapshot();
  const auto* known =
      correlated(state, site_.notify.outbox.records(), api_of(collection), *owner, body, {});
  if (known == nullptr) return resource.create(request);
  auto envelope = known->type;
  envelope[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(envelope[0])));
  if (request.json.begin().key() != envelope) return to_response(correlator_is_used().error());
  return Response::json(201, resource.representation(*known))
      .with("Location", known->href)
      .with("ETag", http::etag_of(known->version));
}

void LocationService::withdraw(store::Transaction& change,
                               const std::string& app_instance_id) const {
  for (const auto& [name, resource] : resources_) resource.remove_all(change, app_instance_id);
}

}  // namespace sluice::location
