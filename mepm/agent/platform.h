// The MEC platform of the site, as the manager of its apps sees it (Mm5).
#pragma once

#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/client/session.h"

namespace sluice::mepm {

struct AppCredentials {
  std::string client_id;
  std::string client_secret;
};

// Every function may be repeated; several threads may call at a time. kUnavailable: may work later.
class Platform {
 public:
  virtual ~Platform() = default;
  // PUT of an AppInstanceInput; makes credentials, those of before stop working. `services`: what
  // the app names among the services that it uses; it may use those that are APIs of the platform.
  virtual Result<AppCredentials> provision(const std::string& id, const nlohmann::json& input,
                                           const std::vector<std::string>& services) = 0;
  // AppState of api-specs/mm5.yaml; nothing: the platform does not know the instance.
  virtual Result<std::optional<std::string>> state(const std::string& id) = 0;
  // `action`: STOPPING or TERMINATING. kConflict where it is under way.
  virtual Result<void> terminate(const std::string& id, const std::string& action,
                                 uint32_t timeout_s) = 0;
  virtual Result<void> withdraw(const std::string& id) = 0;
  // As the app itself would (MEC 011 §5.2.2).
  virtual Result<void> confirm_ready(const std::string& id, const AppCredentials& app) = 0;
};

struct PlatformOptions {
  client::ServerOptions server;
  std::string credentials;  // file, as STATE/operator.json of sluice-mep: read when it is there
};

class MecPlatform final : public Platform {
 public:
  explicit MecPlatform(PlatformOptions options) : options_(std::move(options)) {}

  Result<AppCredentials> provision(const std::string& id, const nlohmann::json& input,
                                   const std::vector<std::string>& services) override;
  Result<std::optional<std::string>> state(const std::string& id) override;
  Result<void> terminate(const std::string& id, const std::string& action,
                         uint32_t timeout_s) override;
  Result<void> withdraw(const std::string& id) override;
  Result<void> confirm_ready(const std::string& id, const AppCredentials& app) override;

 private:
  Result<client::HttpReply> call(const std::string& method, const std::string& target,
                                 const nlohmann::json& body = nullptr);
  Result<client::Session> open(client::Credentials credentials) const;
  Result<std::vector<std::string>> apis(const std::vector<std::string>& services);

  const PlatformOptions options_;
  std::mutex mutex_;                   // guards idle_
  std::vector<client::Session> idle_;  // as many as threads called at a time
};

}  // namespace sluice::mepm
