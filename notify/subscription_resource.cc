#include "notify/subscription_resource.h"

#include <algorithm>
#include <cctype>

#include "base/http/etag.h"
#include "base/http/pending_response.h"
#include "base/http/problem.h"
#include "base/log.h"

namespace sluice::notify {
namespace {

using http::Request;
using http::Response;
using http::to_response;
using nlohmann::json;

constexpr auto kConfig = "websockNotifConfig";

// An absent or null member is the fallback.
Result<bool> flag(const json& object, const char* name, const std::string& field) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return false;
  if (!found->is_boolean()) return bad_field(field, "must be true or false");
  return found->get<bool>();
}

json link_list(const char* member, const std::string& self,
               const std::vector<SubscriptionLink>& subscriptions) {
  auto list = json::array();
  for (const auto& [href, type] : subscriptions) {
    list.push_back({{"href", href}, {"subscriptionType", type}});
  }
  return {{"_links", {{"self", {{"href", self}}}, {member, std::move(list)}}}};
}

// "userAreaSubscription" of "UserAreaSubscription"
std::string envelope_of(std::string type) {
  if (!type.empty()) type[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(type[0])));
  return type;
}

// What is in the envelope, whose name has to be that of one of the types.
Result<const json*> unwrap(const SubscriptionApi& api, const json& body) {
  std::string known;
  for (const auto& [name, parse] : api.types) {
    const auto envelope = envelope_of(name);
    known += (known.empty() ? "" : ", ") + envelope;
    const auto found = body.find(envelope);
    if (found == body.end()) continue;
    if (body.size() != 1 || !found->is_object()) {
      return bad_field(envelope, "must be an object, and the only member");
    }
    // Clients are found that write the type like the envelope.
    const auto type = found->find("subscriptionType");
    if (type != found->end() && type->is_string() &&
        envelope_of(type->get<std::string>()) != envelope) {
      return bad_field(envelope + ".subscriptionType", "must be {}", name);
    }
    return &*found;
  }
  return fail(ErrorCode::kInvalidArgument, "the body must have one of {}", known);
}

}  // namespace

json mec011_link_list(const std::string& self, const std::vector<SubscriptionLink>& subscriptions) {
  return link_list("subscriptions", self, subscriptions);
}

json mec012_link_list(const std::string& self, const std::vector<SubscriptionLink>& subscriptions) {
  return link_list("subscription", self, subscriptions);
}

struct SubscriptionResource::Wanted {
  std::string type;
  json body = json::object();
  std::string callback;    // empty: WebSocket
  bool websocket = false;  // asked for, be it as the second choice
  bool test = false;
  std::optional<WallTime> expiry;
};

SubscriptionResource::SubscriptionResource(SubscriptionSite site, SubscriptionApi api) {
  auto tally = std::make_shared<store::Tally<Subscription>>(
      site.outbox.records().subscriptions, [](const std::string& /*key*/, const Subscription& s) {
        return store::Tally<Subscription>::Share{subscription_prefix(s.api, s.owner), octets_of(s)};
      });
  shared_ =
      std::make_shared<const Shared>(Shared{std::move(site), std::move(api), std::move(tally)});
}

http::Handlers SubscriptionResource::handlers(const Operations& names) const {
  http::Handlers out;
  const auto add = [&](const std::string& name,
                       Response (SubscriptionResource::*member)(const Request&) const) {
    if (name.empty()) return;
    out.emplace(name, [self = *this, member](const Request& r) { return (self.*member)(r); });
  };
  add(names.list, &SubscriptionResource::list);
  add(names.create, &SubscriptionResource::create);
  add(names.read, &SubscriptionResource::read);
  add(names.replace, &SubscriptionResource::replace);
  add(names.remove, &SubscriptionResource::remove);
  return out;
}

std::string SubscriptionResource::collection_href(const std::string& owner) const {
  return shared_->site.public_uri + shared_->api.path(owner);
}

json SubscriptionResource::representation(const Subscription& s) const {
  const auto& [site, api, tally] = *shared_;
  json out = s.body;
  if (api.has_id) out["id"] = s.id;
  if (api.has_type) out["subscriptionType"] = s.type;
  if (s.over_websocket()) {
    out[kConfig] = {{"requestWebsocketUri", true},
                    {"websocketUri", site.websocket_base + "/" + s.websocket_token}};
  } else {
    out[api.callback_member] = s.callback;
  }
  if (s.test_requested) out["requestTestNotification"] = true;
  if (s.expiry) out["expiryDeadline"] = time_stamp(*s.expiry);
  if (api.has_links) out["_links"] = {{"self", {{"href", s.href}}}};
  if (api.wrapped) return {{envelope_of(s.type), std::move(out)}};
  return out;
}

Result<void> SubscriptionResource::read_receiver(const json& body, Wanted& wanted) const {
  const auto& [site, api, tally] = *shared_;
  const auto callback = body.find(api.callback_member);
  if (callback != body.end() && !callback->is_null()) {
    if (!callback->is_string() || callback->get_ref<const std::string&>().empty()) {
      return bad_field(api.callback_member, "must be a URI");
    }
    wanted.callback = callback->get<std::string>();
    if (auto ok = site.callbacks.check_uri(wanted.callback); !ok) {
      auto error = ok.error();
      error.field = api.callback_member;
      return std::unexpected(std::move(error));
    }
  }
  if (const auto config = body.find(kConfig); config != body.end() && !config->is_null()) {
    if (!config->is_object()) return bad_field(kConfig, "must be an object");
    const auto asked =
        flag(*config, "requestWebsocketUri", std::string(kConfig) + ".requestWebsocketUri");
    if (!asked) return std::unexpected(asked.error());
    wanted.websocket = *asked;
  }
  if (wanted.callback.empty() && !wanted.websocket) {
    return bad_field(api.callback_member,
                     "one of {} and {} with requestWebsocketUri: true is needed",
                     api.callback_member, kConfig);
  }
  if (wanted.callback.empty() && site.websocket_base.empty()) {
    return std::unexpected(Error{ErrorCode::kUnsupported,
                                 "this site delivers no notifications over WebSocket", kConfig});
  }
  const auto test = flag(body, "requestTestNotification", "requestTestNotification");
  if (!test) return std::unexpected(test.error());
  wanted.test = *test;
  return {};
}

Result<SubscriptionResource::Wanted> SubscriptionResource::read_body(
    const Request& request, const std::string& owner) const {
  const auto& api = shared_->api;
  if (!request.json.is_object()) {
    return fail(ErrorCode::kInvalidArgument, "the body must be an object");
  }
  Result<const json*> bare = &request.json;
  if (api.wrapped) bare = unwrap(api, request.json);
  if (!bare) return std::unexpected(bare.error());
  const json& body = **bare;
  Wanted out;
  auto parser = api.types.begin();
  if (api.has_type) {
    const auto type = body.find("subscriptionType");
    if (type == body.end() || !type->is_string()) {
      return bad_field("subscriptionType", "is required");
    }
    parser = api.wrapped ? std::ranges::find(api.types, request.json.begin().key(),
                                             [](const auto& t) { return envelope_of(t.first); })
                         : api.types.find(type->get<std::string>());
    if (parser == api.types.end()) {
      std::string known;
      for (const auto& [name, parse] : api.types) known += (known.empty() ? "" : ", ") + name;
      return bad_field("subscriptionType", "'{}' is none of {}", type->get<std::string>(), known);
    }
  }
  out.type = parser->first;
  if (auto ok = read_receiver(body, out); !ok) return std::unexpected(ok.error());
  if (const auto expiry = body.find("expiryDeadline"); expiry != body.end() && !expiry->is_null()) {
    const auto time = parse_time_stamp(*expiry, "expiryDeadline");
    if (!time) return std::unexpected(time.error());
    out.expiry = *time;
  }
  auto own = parser->second(body, owner);
  if (!own) return std::unexpected(own.error());
  out.body = std::move(*own);
  return out;
}

// Whether it may be stored there. What does not grow always may: bounds may have been lowered.
Result<void> SubscriptionResource::check_bounds(const store::Transaction& change,
                                                const std::string& key,
                                                const Subscription& wanted) const {
  const auto& [site, api, tally] = *shared_;
  const auto* before = change.view().find(site.outbox.records().subscriptions, key);
  const auto [own, all] = tally->of(change.view(), subscription_prefix(api.name, wanted.owner));
  if (before == nullptr && own.count >= api.max_per_owner) {
    return fail(ErrorCode::kResourceExhausted,
                "there are {} subscriptions already, the most that is allowed", own.count);
  }
  if (before == nullptr && all.count >= site.bounds.all) {
    return fail(ErrorCode::kResourceExhausted, "the site takes {} subscriptions at most",
                site.bounds.all);
  }
  const size_t was = before == nullptr ? 0 : octets_of(before->value);
  const size_t is = octets_of(wanted);
  if (is <= was) return {};
  if (own.octets + is - was > site.bounds.octets_of_owner) {
    return fail(ErrorCode::kResourceExhausted,
                "your subscriptions of this API may have {} octets together, with this they have "
                "{}",
                site.bounds.octets_of_owner, own.octets + is - was);
  }
  if (all.octets + is - was <= site.bounds.all_octets) return {};
  return fail(ErrorCode::kResourceExhausted, "the site takes {} octets of subscriptions",
              site.bounds.all_octets);
}

// Puts what `wanted` says into `out`, which has its identity, and stores it.
Result<void> SubscriptionResource::finish(store::Transaction& change, const Wanted& wanted,
                                          const std::string& key, Subscription& out) const {
  const auto& [site, api, tally] = *shared_;
  if (wanted.expiry && *wanted.expiry <= change.now()) {
    return bad_field("expiryDeadline", "has passed already");
  }
  out.body = wanted.body;
  out.callback = wanted.callback;
  out.websocket_fallback =
      !wanted.callback.empty() && wanted.websocket && wanted.test && !site.websocket_base.empty();
  if (out.over_websocket() && out.websocket_token.empty()) {
    out.websocket_token = new_websocket_token();
  }
  out.test_requested = wanted.test;
  out.expiry = wanted.expiry;
  out.created = change.now();
  out.expiry_announced = false;
  out.version = change.revision();
  if (auto ok = check_bounds(change, key, out); !ok) return ok;
  if (api.admit) {
    if (auto ok = api.admit(change, out); !ok) return ok;
  }
  change.put(site.outbox.records().subscriptions, key, out);
  if (wanted.test) site.outbox.enqueue(change, test_notification(out, change.now()));
  return {};
}

Result<void> SubscriptionResource::store_new(store::Transaction& change, const Wanted& wanted,
                                             const std::string& owner, Subscription& out) const {
  const auto& [site, api, tally] = *shared_;
  out.id = new_subscription_id();
  out.api = api.name;
  out.owner = owner;
  out.type = wanted.type;
  out.named_by = api.named_by;
  out.href = collection_href(owner) + "/" + out.id;
  return finish(change, wanted, subscription_key(api.name, owner, out.id), out);
}

Response SubscriptionResource::create(const Request& request) const {
  const auto owner = shared_->api.owner(request);
  if (!owner) return to_response(owner.error());
  const auto wanted = read_body(request, *owner);
  if (!wanted) return to_response(wanted.error());
  const auto made = std::make_shared<Subscription>();
  auto pending = std::make_shared<http::PendingResponse>();
  shared_->site.store.submit(
      [&](store::Transaction& change) { return store_new(change, *wanted, *owner, *made); },
      [self = *this, made, pending](const Result<void>& done) {
        if (!done) return pending->resolve(to_response(done.error()));
        spdlog::info("subscription created api={} owner={} id={} type={}", made->api, made->owner,
                     made->id, made->type);
        pending->resolve(Response::json(201, self.representation(*made))
                             .with("Location", made->href)
                             .with("ETag", http::etag_of(made->version)));
      });
  return http::deferred(std::move(pending));
}

Result<Subscription> SubscriptionResource::find(const store::Snapshot& state,
                                                const Request& request,
                                                const std::string& owner) const {
  const auto& [site, api, tally] = *shared_;
  const auto& id = request.path_param(api.id_parameter);
  const auto* stored =
      state.find(site.outbox.records().subscriptions, subscription_key(api.name, owner, id));
  if (stored != nullptr) return stored->value;
  return fail(ErrorCode::kNotFound, "there is no subscription '{}'", id);
}

Response SubscriptionResource::read(const Request& request) const {
  const auto owner = shared_->api.owner(request);
  if (!owner) return to_response(owner.error());
  const auto found = find(shared_->site.store.snapshot(), request, *owner);
  if (!found) return to_response(found.error());
  return http::tagged_response(request, representation(*found), http::etag_of(found->version));
}

Response SubscriptionResource::list(const Request& request) const {
  const auto& [site, api, tally] = *shared_;
  const auto owner = api.owner(request);
  if (!owner) return to_response(owner.error());
  const auto state = site.store.snapshot();
  const auto& rows = state.of(site.outbox.records().subscriptions);
  const auto prefix = subscription_prefix(api.name, *owner);
  std::vector<SubscriptionLink> links;
  auto all = json::array();
  for (auto i = rows.lower_bound(prefix); i != rows.end() && i->first.starts_with(prefix); ++i) {
    const auto& subscription = i->second.value;
    if (api.list) {
      links.push_back({subscription.href, subscription.type});
    } else {
      all.push_back(representation(subscription));
    }
  }
  return Response::json(200, api.list ? api.list(collection_href(*owner), links) : all);
}

Result<void> SubscriptionResource::store_again(store::Transaction& change, const Request& request,
                                               const Wanted& wanted, const std::string& key,
                                               Subscription& out) const {
  const auto* stored = change.view().find(shared_->site.outbox.records().subscriptions, key);
  if (stored == nullptr) return fail(ErrorCode::kNotFound, "there is no such subscription");
  out = stored->value;
  if (auto ok = http::check_if_match(request, http::etag_of(out.version)); !ok) return ok;
  if (wanted.type != out.type) {
    return bad_field("subscriptionType", "is {} and cannot be changed", out.type);
  }
  return finish(change, wanted, key, out);
}

Response SubscriptionResource::replace(const Request& request) const {
  const auto& [site, api, tally] = *shared_;
  const auto owner = api.owner(request);
  if (!owner) return to_response(owner.error());
  const auto key = subscription_key(api.name, *owner, request.path_param(api.id_parameter));
  if (const auto found = find(site.store.snapshot(), request, *owner); !found) {
    return to_response(found.error());
  }
  const auto wanted = read_body(request, *owner);
  if (!wanted) return to_response(wanted.error());
  const auto made = std::make_shared<Subscription>();
  auto pending = std::make_shared<http::PendingResponse>();
  site.store.submit(
      [&](store::Transaction& change) { return store_again(change, request, *wanted, key, *made); },
      [self = *this, made, pending](const Result<void>& done) {
        if (!done) return pending->resolve(to_response(done.error()));
        pending->resolve(Response::json(200, self.representation(*made))
                             .with("ETag", http::etag_of(made->version)));
      });
  return http::deferred(std::move(pending));
}

Response SubscriptionResource::remove(const Request& request) const {
  const auto owner = shared_->api.owner(request);
  if (!owner) return to_response(owner.error());
  auto pending = std::make_shared<http::PendingResponse>();
  shared_->site.store.submit(
      [&](store::Transaction& change) -> Result<void> {
        const auto found = find(change.view(), request, *owner);
        if (!found) return std::unexpected(found.error());
        if (auto ok = http::check_if_match(request, http::etag_of(found->version)); !ok) return ok;
        change.erase(shared_->site.outbox.records().subscriptions,
                     subscription_key(found->api, found->owner, found->id));
        return {};
      },
      [pending](const Result<void>& done) {
        pending->resolve(done ? Response::no_content() : to_response(done.error()));
      });
  return http::deferred(std::move(pending));
}

void SubscriptionResource::remove_all(store::Transaction& change, const std::string& owner) const {
  const auto& [site, api, tally] = *shared_;
  const auto subscriptions = site.outbox.records().subscriptions;
  const auto prefix = subscription_prefix(api.name, owner);
  std::vector<std::string> keys;
  const auto& rows = change.view().of(subscriptions);
  for (auto i = rows.lower_bound(prefix); i != rows.end() && i->first.starts_with(prefix); ++i) {
    keys.push_back(i->first);
  }
  for (const auto& key : keys) change.erase(subscriptions, key);
}

}  // namespace sluice::notify
