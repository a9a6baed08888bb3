#include "mepm/agent/platform.h"

#include <algorithm>
#include <set>

namespace sluice::mepm {
namespace {

using nlohmann::json;

std::string path_of(const std::string& id) {
  return "/mm5/v1/app_instances/" + client::percent_encoded(id);
}

client::HttpRequest request(const std::string& method, const std::string& target,
                            const json& body) {
  client::HttpRequest out{.method = method, .target = target};
  if (!body.is_null()) {
    out.headers["Content-Type"] = "application/json";
    out.body = body.dump();
  }
  return out;
}

// Of what the platform says: its JSON may have any shape.
json member_of(const json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto at = object.find(name);
  return at == object.end() ? json() : *at;
}

std::string word_of(const json& object, const char* name) {
  const auto member = member_of(object, name);
  return member.is_string() ? member.get<std::string>() : std::string();
}

Result<void> only_success(const Result<client::HttpReply>& reply) {
  if (!reply) return std::unexpected(reply.error());
  return {};
}

}  // namespace

Result<client::Session> MecPlatform::open(client::Credentials credentials) const {
  auto http = client::HttpClient::open(options_.server);
  if (!http) return std::unexpected(http.error());
  return client::Session(std::move(*http), std::move(credentials));
}

Result<client::HttpReply> MecPlatform::call(const std::string& method, const std::string& target,
                                            const json& body) {
  // One for each thread that calls: a platform that answers slowly does not make them a queue.
  std::optional<client::Session> session;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      session.emplace(std::move(idle_.back()));
      idle_.pop_back();
    }
  }
  if (!session) {
    auto credentials = client::read_credentials("", options_.credentials);
    // The platform writes them when it starts for the first time, maybe after this program.
    if (!credentials) return fail(ErrorCode::kUnavailable, "{}", credentials.error().message);
    auto opened = open(std::move(*credentials));
    if (!opened) return std::unexpected(opened.error());
    session.emplace(std::move(*opened));
  }
  auto reply = session->call(request(method, target, body));
  const std::lock_guard lock(mutex_);
  if (!reply && reply.error().code == ErrorCode::kUnauthenticated) {
    idle_.clear();  // its credentials may have been replaced
    return fail(ErrorCode::kUnavailable, "{}", reply.error().message);
  }
  idle_.push_back(std::move(*session));
  if (!reply && reply.error().code == ErrorCode::kResourceExhausted) {  // 429: later
    return fail(ErrorCode::kUnavailable, "{}", reply.error().message);
  }
  return reply;
}

Result<std::vector<std::string>> MecPlatform::apis(const std::vector<std::string>& services) {
  std::set<std::string> out = {"mec_app_support", "mec_service_mgmt", "capif"};
  if (!services.empty()) {
    const auto reply = call("GET", "/mm5/v1/capabilities");
    if (!reply) return std::unexpected(reply.error());
    const auto capabilities = client::json_of(*reply);
    if (!capabilities) return std::unexpected(capabilities.error());
    const auto list = member_of(*capabilities, "apis");
    for (const auto& api : list.is_array() ? list : json::array()) {
      const auto name = word_of(api, "name");
      if (std::ranges::find(services, name) != services.end()) out.insert(name);
    }
  }
  return std::vector(out.begin(), out.end());
}

Result<AppCredentials> MecPlatform::provision(const std::string& id, const json& input,
                                              const std::vector<std::string>& services) {
  const auto allowed = apis(services);
  if (!allowed) return std::unexpected(allowed.error());
  auto body = input;
  body["apis"] = *allowed;
  auto reply = call("PUT", path_of(id) + "?new_credentials=true", body);
  if (!reply && reply.error().code == ErrorCode::kConflict) {  // it is ending: an earlier life
    if (auto gone = withdraw(id); !gone) return std::unexpected(gone.error());
    reply = call("PUT", path_of(id) + "?new_credentials=true", body);
  }
  if (!reply) return std::unexpected(reply.error());
  const auto made = client::json_of(*reply);
  if (!made) return std::unexpected(made.error());
  const auto credentials = member_of(*made, "credentials");
  AppCredentials out{word_of(credentials, "clientId"), word_of(credentials, "clientSecret")};
  if (out.client_id.empty() || out.client_secret.empty()) {
    return fail(ErrorCode::kInternal, "the platform gives no credentials");
  }
  return out;
}

Result<std::optional<std::string>> MecPlatform::state(const std::string& id) {
  const auto reply = call("GET", path_of(id));
  if (!reply && reply.error().code == ErrorCode::kNotFound) return std::optional<std::string>();
  if (!reply) return std::unexpected(reply.error());
  const auto app = client::json_of(*reply);
  if (!app) return std::unexpected(app.error());
  return std::optional(word_of(*app, "state"));
}

Result<void> MecPlatform::terminate(const std::string& id, const std::string& action,
                                    uint32_t timeout_s) {
  return only_success(call("POST", path_of(id) + "/terminate",
                           {{"operationAction", action}, {"gracefulTimeout", timeout_s}}));
}

Result<void> MecPlatform::withdraw(const std::string& id) {
  auto done = only_success(call("DELETE", path_of(id)));
  if (!done && done.error().code == ErrorCode::kNotFound) return {};
  return done;
}

Result<void> MecPlatform::confirm_ready(const std::string& id, const AppCredentials& app) {
  auto session =
      open({.token = {}, .client_id = app.client_id, .client_secret = app.client_secret});
  if (!session) return std::unexpected(session.error());
  return only_success(session->call(request(
      "POST", "/mec_app_support/v1/applications/" + client::percent_encoded(id) + "/confirm_ready",
      {{"indication", "READY"}})));
}

}  // namespace sluice::mepm
