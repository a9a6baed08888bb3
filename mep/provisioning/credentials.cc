#include "mep/provisioning/credentials.h"

#include "auth/scopes.h"

namespace sluice::mep {
namespace {

NewClient new_client(const char* prefix, auth::Scopes scopes,
                     std::optional<std::string> app_instance_id) {
  NewClient out;
  out.secret = auth::new_secret();
  // Any name will do as long as it is new; 16 characters of base64url are 96 random bits.
  out.client.client_id = prefix + auth::new_secret().substr(0, 16);
  out.client.secret_hash = auth::SecretHash::of(out.secret);
  out.client.scopes = std::move(scopes);
  out.client.app_instance_id = std::move(app_instance_id);
  return out;
}

}  // namespace

NewClient new_app_client(const std::string& app_instance_id, auth::Scopes apis) {
  return new_client("app-", std::move(apis), app_instance_id);
}

NewClient new_self_registering_client(std::string name, auth::Scopes apis) {
  auto out = new_client("self-", std::move(apis), std::nullopt);
  out.client.name = std::move(name);
  out.client.self_registering = true;
  return out;
}

nlohmann::json credentials_to_json(const NewClient& client) {
  return {{"clientId", client.client.client_id},
          {"clientSecret", client.secret},
          {"tokenEndpoint", kTokenEndpoint},
          {"scopes", client.client.scopes}};
}

}  // namespace sluice::mep
