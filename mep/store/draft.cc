#include "mep/store/draft.h"

#include <vector>

namespace sluice::mep {
namespace {

// The records that an instance wants in effect. Records are never changed, so that comparing
// addresses compares contents.
std::vector<const void*> desired_records(const State& state, const std::string& id) {
  std::vector<const void*> out;
  const auto* app = state.find_app(id);
  if (app == nullptr) return out;
  for (const auto& [rule_id, record] : app->traffic_rules) {
    if (is_desired(*app, *record)) out.push_back(record.get());
  }
  for (const auto& [rule_id, record] : app->dns_rules) {
    if (is_desired(*app, *record)) out.push_back(record.get());
  }
  return out;
}

}  // namespace

Draft::Draft(std::shared_ptr<const State> base, int64_t now_ms)
    : base_(std::move(base)), state_(*base_), now_ms_(now_ms) {
  ++state_.revision;
}

void Draft::put_app(AppInstance app) {
  apps_.insert(app.id);
  app.revision = state_.revision;
  auto id = app.id;
  state_.apps.insert_or_assign(std::move(id), std::make_shared<const AppInstance>(std::move(app)));
}

void Draft::remove_app(const std::string& id) {
  apps_.insert(id);
  state_.apps.erase(id);
  for (auto client = state_.clients.begin(); client != state_.clients.end();) {
    const auto next = std::next(client);
    if (client->second->app_instance_id == id) remove_client(client->first);
    client = next;
  }
}

void Draft::put_client(auth::Client client) {
  clients_.insert(client.client_id);
  auto id = client.client_id;
  state_.clients.insert_or_assign(std::move(id),
                                  std::make_shared<const auth::Client>(std::move(client)));
}

void Draft::remove_client(const std::string& id) {
  clients_.insert(id);
  state_.clients.erase(std::string(id));
}

std::shared_ptr<const State> Draft::finish() {
  for (const auto& id : apps_) {
    if (desired_records(*base_, id) != desired_records(state_, id)) {
      ++state_.generation;
      break;
    }
  }
  return std::make_shared<const State>(std::move(state_));
}

}  // namespace sluice::mep
