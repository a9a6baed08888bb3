#include "mep/capif/capif.h"

#include <array>

#include "base/http/percent.h"
#include "mep/capif/description.h"
#include "mep/registry/own_service.h"

namespace sluice::mep::capif {

using nlohmann::json;

namespace {

constexpr const char* kApi = "capif_events";
constexpr const char* kType = "EventSubscription";  // CAPIF does not name it on the wire
constexpr std::array<const char*, 3> kEvents = {"SERVICE_API_AVAILABLE", "SERVICE_API_UNAVAILABLE",
                                                "SERVICE_API_UPDATE"};

std::optional<Event> parse_event(const json& word) {
  for (size_t i = 0; i < kEvents.size(); ++i) {
    if (word == kEvents[i]) return static_cast<Event>(i);
  }
  return std::nullopt;
}

// TS 29.222 §8.3.4.3.3: available when published, unavailable when unpublished; all between is an
// update, a service that is suspended or switched off included: it stays published.
Event event_of(registry::ChangeType type) {
  if (type == registry::ChangeType::kAdded) return Event::kAvailable;
  if (type == registry::ChangeType::kRemoved) return Event::kUnavailable;
  return Event::kUpdate;
}

std::set<std::string> texts(const json& filter, const char* name) {
  return filter.value(name, std::set<std::string>{});
}

// The members that are the API's own, as they are shown.
Result<json> read_body(const json& body, const std::string& /*owner*/) {
  if (body.contains("eventReq")) {
    return std::unexpected(
        Error{ErrorCode::kUnsupported, "events are reported at once and all of them", "eventReq"});
  }
  if (auto filters = read_event_filters(body); !filters) return std::unexpected(filters.error());
  json out = {{"events", body.at("events")}};
  if (body.contains("eventFilters")) out["eventFilters"] = body["eventFilters"];
  return out;
}

bool admits(const EventFilters& filters, Event event, const registry::ServiceChange& change,
            const registry::TransportInfo& transport) {
  const auto found = filters.find(event);
  if (found == filters.end()) return false;
  const auto& [api_ids, aef_ids] = found->second;
  return (api_ids.empty() || api_ids.contains(change.id)) &&
         (aef_ids.empty() || aef_ids.contains(transport.id));
}

}  // namespace

Result<EventFilters> read_event_filters(const json& body) {
  EventFilters out;
  const auto events = body.value("events", json::array());
  const auto filters = body.value("eventFilters", json::array());
  if (filters.size() > events.size()) {
    return bad_field("eventFilters", "has more elements than events");
  }
  for (size_t i = 0; i < events.size(); ++i) {
    const auto event = parse_event(events[i]);
    if (!event) return bad_field(fmt::format("events[{}]", i), "is no event of this platform");
    EventFilter filter;
    if (i < filters.size()) filter = {texts(filters[i], "apiIds"), texts(filters[i], "aefIds")};
    out.insert_or_assign(*event, std::move(filter));
  }
  return out;
}

Capif::Capif(registry::ServiceManagement& services, const notify::SubscriptionSite& site,
             size_t subscriptions_of_app)
    : api_(services.api()),
      apis_(services.registry()),
      base_uri_(site.public_uri),
      outbox_(site.outbox),
      index_(site.outbox.records(), kApi, kType,
             [](const notify::Subscription& s) {
               return read_event_filters(s.body).value_or(EventFilters{});
             }),
      subscriptions_(site, subscription_api(subscriptions_of_app)) {
  services.registry().add_observer(
      [this](store::Transaction& change, std::span<const registry::ServiceChange> changes) {
        announce(change, changes);
      });
}

void Capif::announce(store::Transaction& change, std::span<const registry::ServiceChange> changes) {
  for (const auto& c : changes) {
    const auto type = registry::classify(c);
    if (!type) continue;
    const auto event = event_of(*type);
    const auto& transport = api_.registry.transport_of(c.latest());
    auto audience =
        index_.find(change.view(), [&](const EventFilters& filters, const auto& /*subscription*/) {
          return admits(filters, event, c, transport);
        });
    if (audience.empty()) continue;
    json detail = {{"apiIds", json::array({c.id})}};
    if (c.after != nullptr) {
      detail["serviceAPIDescriptions"] = json::array({describe(c.id, *c.after, transport)});
    }
    outbox_.enqueue(
        change,
        {{"events", kEvents[static_cast<size_t>(event)]}, {"eventDetail", std::move(detail)}},
        std::move(audience));
  }
}

notify::SubscriptionApi Capif::subscription_api(size_t limit) const {
  notify::SubscriptionApi out;
  out.name = kApi;
  out.path = [](const std::string& owner) {
    return fmt::format("/capif-events/v1/{}/subscriptions", http::percent_encode(owner));
  };
  out.owner = [](const http::Request& r) { return registry::own_app(r, "subscriberId"); };
  out.types = {{kType, read_body}};
  out.has_type = false;
  out.callback_member = "notificationDestination";
  out.named_by = notify::NamedBy::kId;
  out.has_links = false;
  out.list = nullptr;
  out.max_per_owner = limit;
  out.admit = [exists = api_.app_exists](store::Transaction& change,
                                         const notify::Subscription& s) -> Result<void> {
    if (exists(change.view(), s.owner)) return {};
    return fail(ErrorCode::kNotFound, "no app instance '{}'", s.owner);
  };
  return out;
}

http::Handlers Capif::handlers() const {
  auto out = publish_handlers(api_, base_uri_);
  out.merge(discovery_handlers(api_, apis_));
  out.merge(subscriptions_.handlers({.list = "",
                                     .create = "createCapifSubscription",
                                     .read = "",
                                     .replace = "putCapifSubscription",
                                     .remove = "deleteCapifSubscription"}));
  return out;
}

void Capif::withdraw(store::Transaction& change, const std::string& app_instance_id) const {
  subscriptions_.remove_all(change, app_instance_id);
}

}  // namespace sluice::mep::capif
