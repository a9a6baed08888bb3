#include "mep/app-enablement/registration_handlers.h"

#include "auth/base64.h"
#include "auth/secret.h"
#include "base/http/percent.h"
#include "base/http/problem.h"
#include "base/log.h"
#include "mep/app-enablement/app_info.h"
#include "mep/app-enablement/own_app.h"
#include "mep/app-enablement/withdrawal.h"
#include "mep/durable_reply.h"
#include "mep/etag.h"

namespace sluice::mep {
namespace {

using http::Request;
using http::Response;
using http::to_response;
using nlohmann::json;

// A random UUID (RFC 4122 §4.4): nobody else's id can be guessed or taken.
std::string new_app_instance_id() {
  auto bytes = auth::from_base64url(auth::new_secret()).value();
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string out;
  for (size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += fmt::format("{:02x}", bytes[i]);
  }
  return out;
}

std::string path_of(const std::string& id) {
  return "/mec_app_support/v1/registrations/" + http::percent_encode(id);
}

Registrant registrant_of(const State& state, const std::optional<std::string>& app_id) {
  Registrant out{app_id, std::nullopt};
  const auto* app = app_id ? state.find_app(*app_id) : nullptr;
  if (app != nullptr && !app->self_registered) out.provisioned_name = app->name;
  return out;
}

Result<PackedJson> pack(const json& info) {
  PackedJson out(info);
  if (out.size() <= RegistrationContext::kMaxOctets) return out;
  return fail(ErrorCode::kInvalidArgument, "the AppInfo has {} octets, {} at most are taken",
              out.size(), RegistrationContext::kMaxOctets);
}

// The client becomes a new app instance.
Result<std::string> admit(Draft& draft, const RegistrationContext& context, auth::Client client,
                          const json& info) {
  if (draft.state().apps().size() >= context.max_app_instances) {
    return fail(ErrorCode::kResourceExhausted, "the site takes {} app instances at most",
                context.max_app_instances);
  }
  AppInstance app;
  app.id = new_app_instance_id();
  app.name = info["appName"];
  app.apis = client.scopes;
  app.self_registered = true;
  auto id = app.id;
  client.app_instance_id = id;
  draft.put_app(std::move(app));
  draft.put_client(std::move(client));
  return id;
}

Result<void> create(Draft& draft, const RegistrationContext& context, const Request& request,
                    Response& reply) {
  const auto state = draft.state();
  const auto* stored = state.clients().find(request.principal->subject);
  if (stored == nullptr) return fail(ErrorCode::kUnauthenticated, "the client is gone");
  const auto& client = stored->value;
  auto info = read_app_info(request.json, registrant_of(state, client.app_instance_id));
  if (!info) return std::unexpected(info.error());
  std::string id;
  if (client.app_instance_id) {
    id = *client.app_instance_id;
    if (auto app = find_living_app(state, id); !app) return std::unexpected(app.error());
    if (state.snapshot().find(context.records.registrations, id) != nullptr) {
      return fail(ErrorCode::kConflict, "this client is registered already, as {}", path_of(id));
    }
  } else {
    auto admitted = admit(draft, context, client, *info);
    if (!admitted) return std::unexpected(admitted.error());
    id = std::move(*admitted);
    (*info)["appInstanceId"] = id;
  }
  auto packed = pack(*info);
  if (!packed) return std::unexpected(packed.error());
  reply = Response::json(201, *info).with("Location", path_of(id));
  reply.headers.set("ETag", etag_of(draft.revision()));
  draft.transaction().put(context.records.registrations, id,
                          Registration{client.client_id, std::move(*packed)});
  spdlog::info("mp1 app registered app_instance_id={} client={}", id, client.client_id);
  return {};
}

using Found = const store::Stored<Registration>*;

Result<Found> find_registration(const State& state, const RegistrationContext& context,
                                const std::string& id) {
  const auto* found = state.snapshot().find(context.records.registrations, id);
  if (found != nullptr) return found;
  return fail(ErrorCode::kNotFound, "app instance '{}' is not registered", id);
}

Result<void> update(Draft& draft, const RegistrationContext& context, const Request& request,
                    const std::string& id, Response& reply) {
  const auto state = draft.state();
  const auto found = find_registration(state, context, id);
  if (!found) return std::unexpected(found.error());
  const auto tag = etag_of((*found)->revision);
  if (auto ok = check_if_match(request, tag); !ok) return ok;
  if (auto ok = check_if_none_match(request, tag); !ok) return ok;
  const auto app = find_living_app(state, id);
  if (!app) return std::unexpected(app.error());
  auto info = read_app_info(request.json, registrant_of(state, id));
  if (!info) return std::unexpected(info.error());
  (*info)["appInstanceId"] = id;
  auto packed = pack(*info);
  if (!packed) return std::unexpected(packed.error());
  reply = Response::no_content().with("ETag", tag);
  if (*packed == (*found)->value.info) return {};  // repeated: the same version stays

  if ((*app)->self_registered && (*app)->name != (*info)["appName"].get_ref<const std::string&>()) {
    auto renamed = **app;
    renamed.name = (*info)["appName"];
    draft.put_app(std::move(renamed));
  }
  draft.transaction().put(context.records.registrations, id,
                          Registration{(*found)->value.client_id, std::move(*packed)});
  reply.headers.set("ETag", etag_of(draft.revision()));
  return {};
}

Result<void> remove(Draft& draft, const RegistrationContext& context, const Request& request,
                    const std::string& id, Response& reply) {
  const auto state = draft.state();
  const auto found = find_registration(state, context, id);
  if (!found) return std::unexpected(found.error());
  if (auto ok = check_if_match(request, etag_of((*found)->revision)); !ok) return ok;
  if (auto living = find_living_app(state, id); !living && state.find_app(id) != nullptr) {
    return std::unexpected(living.error());  // TERMINATED: the operator's to withdraw
  }
  const auto* app = state.find_app(id);
  if (app != nullptr && app->self_registered && is_pending(app->state)) {
    // It was asked to end, and whoever asked will look for how that went.
    draft.transaction().erase(context.records.registrations, id);
    if (auto ok = context.terminations.leave(draft, id); !ok) return ok;
  } else if (app != nullptr && app->self_registered) {
    withdraw_app(draft, context.records, context.ended, id);
  } else {
    draft.transaction().erase(context.records.registrations, id);
  }
  reply = Response::no_content();
  spdlog::info("mp1 app deregistered app_instance_id={}", id);
  return {};
}

Response get(const RegistrationContext& context, const Request& request) {
  const auto id = own_app_id(request);
  if (!id) return to_response(id.error());
  const auto state = context.store.snapshot();
  const auto found = find_registration(state, context, *id);
  if (!found) return to_response(found.error());
  return tagged_response(request, (*found)->value.info.unpack(), etag_of((*found)->revision));
}

// A change to the registration of the caller.
template <typename Change>
http::Handler changing(const RegistrationContext& context, Change change) {
  return [&context, change](const Request& request) {
    const auto id = own_app_id(request);
    if (!id) return to_response(id.error());
    return reply_when_durable(context.store, [&](Draft& draft, Response& reply) {
      return change(draft, context, request, *id, reply);
    });
  };
}

}  // namespace

http::Handlers registration_handlers(const RegistrationContext& context) {
  return {
      {"createRegistration",
       [&context](const Request& r) {
         return reply_when_durable(context.store, [&](Draft& draft, Response& reply) {
           return create(draft, context, r, reply);
         });
       }},
      {"getRegistration", [&context](const Request& r) { return get(context, r); }},
      {"updateRegistration", changing(context, update)},
      {"deleteRegistration", changing(context, remove)},
  };
}

}  // namespace sluice::mep
