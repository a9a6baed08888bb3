#include "auth/client_json.h"

#include <nlohmann/json.hpp>

namespace sluice::auth {

using nlohmann::json;

json client_to_json(const Client& client) {
  json out = {{"id", client.client_id},
              {"secretHash", client.secret_hash.to_string()},
              {"scopes", join_scopes(client.scopes)}};
  if (client.app_instance_id) out["appInstanceId"] = *client.app_instance_id;
  if (client.old_secret) {
    out["oldSecretHash"] = client.old_secret->hash.to_string();
    out["oldSecretUntilMs"] = client.old_secret->valid_until_ms;
  }
  if (!client.name.empty()) out["name"] = client.name;
  if (client.self_registering) out["selfRegistering"] = true;
  if (client.token_generation != 0) out["tokenGeneration"] = client.token_generation;
  return out;
}

Result<Client> client_from_json(const json& value) {
  try {
    Client client;
    client.client_id = value.at("id").get<std::string>();
    auto hash = SecretHash::parse(value.at("secretHash").get<std::string>());
    if (!hash) return std::unexpected(hash.error());
    client.secret_hash = *hash;
    client.scopes = split_scopes(value.at("scopes").get<std::string>());
    if (value.contains("appInstanceId")) {
      client.app_instance_id = value.at("appInstanceId").get<std::string>();
    }
    if (value.contains("oldSecretHash")) {
      auto old = SecretHash::parse(value.at("oldSecretHash").get<std::string>());
      if (!old) return std::unexpected(old.error());
      client.old_secret = OldSecret{*old, value.at("oldSecretUntilMs").get<int64_t>()};
    }
    client.name = value.value("name", "");
    client.self_registering = value.value("selfRegistering", false);
    client.token_generation = value.value("tokenGeneration", uint64_t{0});
    return client;
  } catch (const json::exception& e) {
    return fail(ErrorCode::kInternal, "a stored client cannot be read: {}", e.what());
  }
}

}  // namespace sluice::auth
