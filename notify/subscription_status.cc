#include "notify/subscription_status.h"

#include "base/http/problem.h"
#include "base/rest/list_reply.h"

namespace sluice::notify {
namespace {

using nlohmann::json;

// UTF-8 whatever the receiver's words were.
std::string clean(const std::string& text) {
  return json(text).dump(-1, ' ', true, json::error_handler_t::replace);
}

json status_of(const Subscription& s, const DeliveryCounts& counts) {
  json delivery = {{"delivered", counts.delivered}, {"failedAttempts", counts.failed},
                   {"retries", counts.retried},     {"refused", counts.refused},
                   {"dropped", counts.dropped},     {"queued", counts.queued}};
  if (!counts.last_error.empty()) delivery["lastError"] = json::parse(clean(counts.last_error));
  if (counts.last_failure) delivery["lastFailure"] = time_stamp(*counts.last_failure);
  if (counts.last_delivery) delivery["lastDelivery"] = time_stamp(*counts.last_delivery);
  json out = {{"subscriptionId", s.id},
              {"api", s.api},
              {"owner", s.owner},
              {"subscriptionType", s.type},
              {"transport", s.over_websocket() ? "WEBSOCKET" : "HTTP"},
              {"delivery", std::move(delivery)}};
  if (!s.over_websocket()) out["callbackReference"] = s.callback;
  if (s.expiry) out["expiryDeadline"] = time_stamp(*s.expiry);
  return out;
}

}  // namespace

http::Handlers subscription_status_handlers(const Notifications& notifications,
                                            const store::Store& store) {
  const auto list = [&notifications, &store](const http::Request& request) -> http::Response {
    auto page = rest::ListPage::begin(request, {.id_member = "subscriptionId"});
    if (!page) return http::to_response(page.error());
    const auto state = store.snapshot();
    const auto& rows = state.of(notifications.outbox().records().subscriptions);
    for (auto i = rows.upper_bound(page->after()); i != rows.end(); ++i) {
      const auto& subscription = i->second.value;
      const auto counts = notifications.statistics().of(subscription.id).value_or(DeliveryCounts{});
      if (!page->add(i->first, status_of(subscription, counts))) break;
    }
    return page->reply();
  };
  return {{"listSubscriptions", list}};
}

}  // namespace sluice::notify
