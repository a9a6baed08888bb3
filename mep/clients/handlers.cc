#include "mep/clients/handlers.h"

#include "base/http/percent.h"
#include "base/log.h"
#include "base/rest/list_reply.h"
#include "mep/app-enablement/withdrawal.h"
#include "mep/durable_reply.h"
#include "mep/provisioning/credentials.h"
#include "mep/timestamp.h"

namespace sluice::mep {
namespace {

using auth::Client;
using http::Request;
using http::Response;
using http::to_response;
using nlohmann::json;

const char* kind_of(const Client& client) {
  if (client.scopes.contains(auth::kScopeMm5)) return "OPERATOR";
  return client.self_registering ? "SELF_REGISTERING" : "PROVISIONED";
}

json client_to_json(const Client& client) {
  json out = {{"clientId", client.client_id},
              {"name", client.name},
              {"kind", kind_of(client)},
              {"apis", client.scopes}};
  if (client.app_instance_id) out["appInstanceId"] = *client.app_instance_id;
  if (client.old_secret) {
    out["oldSecretValidUntil"] = timestamp(client.old_secret->valid_until_ms);
  }
  return out;
}

// With the secret, which nobody is told a second time.
Response with_secret(int status, const Client& client, const std::string& secret) {
  auto body = client_to_json(client);
  body["clientSecret"] = secret;
  body["tokenEndpoint"] = kTokenEndpoint;
  return Response::json(status, body).with("Cache-Control", "no-store");
}

Result<Client> find_client(const State& state, const Request& request) {
  const auto& id = request.path_param("clientId");
  if (const auto* found = state.clients().find(id)) return found->value;
  return fail(ErrorCode::kNotFound, "no client '{}'", id);
}

Response list_clients(const ClientsContext& context, const Request& request) {
  auto page = rest::ListPage::begin(request, {.id_member = "clientId"});
  if (!page) return to_response(page.error());
  const auto state = context.store.snapshot();
  const auto& clients = state.clients();
  for (auto it = clients.upper_bound(page->after()); it != clients.end(); ++it) {
    if (!page->add(it->first, client_to_json(it->second.value))) break;
  }
  return page->reply();
}

Response get_client(const ClientsContext& context, const Request& request) {
  const auto client = find_client(context.store.snapshot(), request);
  if (!client) return to_response(client.error());
  return Response::json(200, client_to_json(*client));
}

Response create_client(const ClientsContext& context, const Request& request) {
  auto scopes = context.apis.usual();
  if (request.json.contains("apis")) {
    auto named = context.apis.read(request.json["apis"], "apis");
    if (!named) return to_response(named.error());
    scopes = std::move(*named);
  }
  auto fresh = new_self_registering_client(request.json["name"], std::move(scopes));
  return reply_when_durable(context.store, [&](Draft& draft, Response& reply) -> Result<void> {
    if (draft.state().clients().size() >= context.max_clients) {
      return fail(ErrorCode::kResourceExhausted, "the site takes {} clients at most",
                  context.max_clients);
    }
    draft.put_client(fresh.client);
    reply = with_secret(201, fresh.client, fresh.secret)
                .with("Location", "/mm5/v1/clients/" + fresh.client.client_id);
    spdlog::info("mm5 client made client={}", fresh.client.client_id);
    return {};
  });
}

// The client of operator.json is there again after every start: it is changed by that file alone.
Result<void> refuse_operator(const Client& client) {
  if (!client.scopes.contains(auth::kScopeMm5)) return {};
  return fail(ErrorCode::kConflict,
              "is the operator's own client; to replace it, remove operator.json and restart");
}

Response delete_client(const ClientsContext& context, const Request& request) {
  return reply_when_durable(context.store, [&](Draft& draft, Response& reply) -> Result<void> {
    const auto client = find_client(draft.state(), request);
    if (!client) return std::unexpected(client.error());
    if (auto ok = refuse_operator(*client); !ok) return ok;
    if (!client->self_registering) {
      return fail(ErrorCode::kConflict, "goes when its app instance '{}' is withdrawn",
                  client->app_instance_id.value_or(""));
    }
    if (client->app_instance_id) {
      withdraw_app(draft, context.records, context.ended, *client->app_instance_id);
    }
    draft.remove_client(client->client_id);
    reply = Response::no_content();
    spdlog::info("mm5 client removed client={}", client->client_id);
    return {};
  });
}

Response rotate_secret(const ClientsContext& context, const Request& request) {
  const auto secret = auth::new_secret();
  const auto hash = auth::SecretHash::of(secret);
  const int64_t overlap_s = request.json.value("overlapSeconds", int64_t{0});
  return reply_when_durable(context.store, [&](Draft& draft, Response& reply) -> Result<void> {
    auto client = find_client(draft.state(), request);
    if (!client) return std::unexpected(client.error());
    if (auto ok = refuse_operator(*client); !ok) return ok;
    client->old_secret.reset();
    if (overlap_s > 0) {
      client->old_secret = auth::OldSecret{client->secret_hash, draft.now_ms() + overlap_s * 1000};
    }
    client->secret_hash = hash;
    reply = with_secret(200, *client, secret);
    spdlog::info("mm5 client secret rotated client={} overlap_s={}", client->client_id, overlap_s);
    draft.put_client(std::move(*client));
    return {};
  });
}

Response revoke_tokens(const ClientsContext& context, const Request& request) {
  return reply_when_durable(context.store, [&](Draft& draft, Response& reply) -> Result<void> {
    auto client = find_client(draft.state(), request);
    if (!client) return std::unexpected(client.error());
    ++client->token_generation;
    reply = Response::no_content();
    spdlog::info("mm5 client tokens revoked client={}", client->client_id);
    draft.put_client(std::move(*client));
    return {};
  });
}

json keys_to_json(const auth::KeyRing& ring) {
  auto out = json::array();
  for (const auto& key : *ring.keys()) {
    json entry = {{"kid", key.key->id()},
                  {"createdAt", timestamp(key.created * 1000)},
                  {"signs", !key.retires.has_value()}};
    if (key.retires) entry["verifiesUntil"] = timestamp(*key.retires * 1000);
    out.push_back(std::move(entry));
  }
  return out;
}

Response rotate_key(const ClientsContext& context, const Request& request) {
  const bool drop = request.json.value("dropOld", false);
  const auto done =
      context.keys.rotate(drop ? auth::KeyRing::Old::kDrop : auth::KeyRing::Old::kKeep);
  if (!done) return to_response(done.error());
  spdlog::info("mm5 token key rotated kid={} drop_old={}", context.keys.signing()->id(), drop);
  return Response::json(201, keys_to_json(context.keys)).with("Location", "/mm5/v1/token_keys");
}

}  // namespace

http::Handlers client_handlers(const ClientsContext& context) {
  const auto with = [&context](Response (*handler)(const ClientsContext&, const Request&)) {
    return [&context, handler](const Request& r) { return handler(context, r); };
  };
  return {
      {"listClients", with(list_clients)},
      {"getClient", with(get_client)},
      {"createClient", with(create_client)},
      {"deleteClient", with(delete_client)},
      {"rotateClientSecret", with(rotate_secret)},
      {"revokeClientTokens", with(revoke_tokens)},
      {"listTokenKeys",
       [&context](const Request&) { return Response::json(200, keys_to_json(context.keys)); }},
      {"rotateTokenKey", with(rotate_key)},
  };
}

}  // namespace sluice::mep
