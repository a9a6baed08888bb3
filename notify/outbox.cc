#include "notify/outbox.h"

#include <nlohmann/json.hpp>

namespace sluice::notify {
namespace {

using nlohmann::json;

json ids_to_json(const std::vector<std::string>& ids) { return ids; }

Result<std::vector<std::string>> ids_from_json(const json& value) {
  try {
    return value.get<std::vector<std::string>>();
  } catch (const json::exception& e) {
    return fail(ErrorCode::kInternal, "stored subscribers cannot be read: {}", e.what());
  }
}

}  // namespace

Records Records::add_to(store::Schema& schema) {
  return {schema.add<Subscription>("notify_subscription", to_json, subscription_from_json),
          schema.add<Event>("notify_event", to_json, event_from_json),
          schema.add<std::vector<std::string>>("notify_waiting", ids_to_json, ids_from_json)};
}

void Outbox::enqueue(store::Transaction& change, const json& body, std::vector<std::string> to,
                     std::string envelope) const {
  enqueue(change, make_event(EventKind::kNotification, body, change.now(), std::move(to),
                             std::move(envelope)));
}

void Outbox::enqueue(store::Transaction& change, const Event& event) const {
  if (event.to.empty()) return;
  // Changes are numbered across restarts, the events of one change within it.
  change.put(records_.events, fmt::format("{:016x}-{:016x}", change.revision(), ++last_), event);
}

Event test_notification(const Subscription& subscription, WallTime now) {
  // CAPIF takes the body of TS 29.122, which is a link and nothing else.
  const auto body = subscription.named_by == NamedBy::kId
                        ? json{{"subscription", subscription.href}}
                        : json{{"notificationType", "TestNotification"}};
  return make_event(EventKind::kTest, body, now, {subscription.id});
}

Event expiry_notification(const Subscription& subscription, WallTime now) {
  const json body = {{"notificationType", "ExpiryNotification"},
                     {"timeStamp", time_stamp(now)},
                     {"expiryDeadline", time_stamp(subscription.expiry.value_or(now))}};
  return make_event(EventKind::kExpiry, body, now, {subscription.id});
}

}  // namespace sluice::notify
