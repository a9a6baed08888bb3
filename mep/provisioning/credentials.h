// The OAuth2 client of an app instance.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "auth/client_store.h"

namespace sluice::mep {

struct NewClient {
  auth::Client client;
  std::string secret;  // to be told once
};

inline constexpr const char* kTokenEndpoint = "/oauth2/token";

// A client for the app instance, that may use these APIs.
NewClient new_app_client(const std::string& app_instance_id, auth::Scopes apis);
// A client by which an app that nobody provisions may register itself. `name` is for people.
NewClient new_self_registering_client(std::string name, auth::Scopes apis);

// AppCredentials of api-specs/mm5.yaml.
nlohmann::json credentials_to_json(const NewClient& client);

}  // namespace sluice::mep
