#include "notify/event.h"

#include <nlohmann/json.hpp>

namespace sluice::notify {
namespace {

using nlohmann::json;

// `"a":1,"b":2` of {"a": 1, "b": 2}. Text that is not UTF-8 is made so: a notification is always
// JSON.
std::string members_of(const json& object) {
  const auto text = object.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.substr(1, text.size() - 2);
}

}  // namespace

Event make_event(EventKind kind, const json& body, WallTime at, std::vector<std::string> to,
                 std::string envelope) {
  Event out;
  out.kind = kind;
  out.envelope = std::move(envelope);
  out.at = at;
  out.to = std::move(to);
  if (const auto links = body.find("_links"); links != body.end()) {
    auto others = *links;
    others.erase("subscription");
    out.links = members_of(others);
    auto rest = body;
    rest.erase("_links");
    out.members = members_of(rest);
  } else {
    out.members = members_of(body);
  }
  return out;
}

std::string notification_text(const Event& event, const Subscription& subscription) {
  const auto comma = [](std::string& out) {
    if (out.back() != '{') out += ',';
  };
  std::string out;
  out.reserve(event.members.size() + event.links.size() + event.envelope.size() +
              subscription.href.size() + 64);
  if (!event.envelope.empty()) out += "{" + json(event.envelope).dump() + ":";
  out += '{';
  out += event.members;
  if (subscription.named_by != NamedBy::kLink && event.kind != EventKind::kTest) {
    comma(out);
    out += "\"subscriptionId\":";
    out += json(subscription.id).dump();
  }
  const bool link = subscription.named_by != NamedBy::kId;
  if (link || !event.links.empty()) {
    comma(out);
    out += "\"_links\":{";
    if (link) {
      out += "\"subscription\":{\"href\":";
      out += json(subscription.href).dump();
      out += '}';
    }
    if (!event.links.empty()) {
      comma(out);
      out += event.links;
    }
    out += '}';
  }
  out += '}';
  if (!event.envelope.empty()) out += '}';
  return out;
}

json to_json(const Event& event) {
  const auto at =
      std::chrono::duration_cast<std::chrono::nanoseconds>(event.at.time_since_epoch()).count();
  json out = {{"kind", static_cast<int>(event.kind)},
              {"members", event.members},
              {"at", at},
              {"to", event.to}};
  if (!event.links.empty()) out["links"] = event.links;
  if (!event.envelope.empty()) out["envelope"] = event.envelope;
  return out;
}

Result<Event> event_from_json(const json& value) {
  try {
    Event out;
    out.kind = static_cast<EventKind>(value.at("kind").get<uint8_t>());
    out.members = value.at("members").get<std::string>();
    out.links = value.value("links", "");
    out.envelope = value.value("envelope", "");
    out.at = WallTime(std::chrono::duration_cast<WallTime::duration>(
        std::chrono::nanoseconds(value.at("at").get<int64_t>())));
    out.to = value.at("to").get<std::vector<std::string>>();
    return out;
  } catch (const json::exception& e) {
    return fail(ErrorCode::kInternal, "a stored event cannot be read: {}", e.what());
  }
}

}  // namespace sluice::notify
