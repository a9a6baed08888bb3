// An operator's dealings with one server: tokens as they are needed, errors in words.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "base/client/http_client.h"

namespace sluice::client {

// By what the server knows us: a token, or what tokens are got for.
struct Credentials {
  std::string token;
  std::string client_id;
  std::string client_secret;
};

// `token` if there is one, or the file, which is one like operator.json of sluice-meao: `client_id`
// and `client_secret`. kInvalidArgument says what is missing.
Result<Credentials> read_credentials(const std::string& token, const std::string& file);

class Session {
 public:
  Session(HttpClient http, Credentials credentials)
      : http_(std::move(http)), credentials_(std::move(credentials)) {}

  // The reply, with whatever status. One that meets 401 is sent again with a new token, unless it
  // has a source or a sink; the next request gets the new token in any case.
  Result<HttpReply> send(HttpRequest request);

  // As send(), for replies of success alone: others become errors, see error_of().
  Result<HttpReply> call(HttpRequest request);
  Result<nlohmann::json> get(const std::string& target);  // its JSON body

  const std::string& uri() const { return http_.uri(); }

 private:
  Result<HttpReply> send_once(HttpRequest& request);
  Result<void> ensure_token();

  HttpClient http_;
  const Credentials credentials_;
  std::string token_;
  std::chrono::steady_clock::time_point renew_at_{};
};

// A reply of failure as its problem says it: "409 Conflict: app instances use the package …".
Error error_of(const HttpReply& reply);

// The body; kInternal when it is no JSON.
Result<nlohmann::json> json_of(const HttpReply& reply);

}  // namespace sluice::client
