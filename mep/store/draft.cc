#include "mep/store/draft.h"

#include "mep/store/desired_difference.h"

namespace sluice::mep {

using traffic_rules::DnsRule;
using traffic_rules::TrafficRule;

Draft::Draft(store::Transaction& transaction, std::shared_ptr<const State::Origin> origin)
    : transaction_(transaction),
      origin_(std::move(origin)),
      base_(origin_, transaction.view()),
      state_(base_) {}

int64_t Draft::now_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             transaction_.now().time_since_epoch())
      .count();
}

void Draft::put_app(AppInstance app) {
  auto id = app.id;
  transaction_.put(records().apps, std::move(id), std::move(app));
  see();
}

void Draft::put_client(auth::Client client) {
  auto id = client.client_id;
  transaction_.put(records().clients, std::move(id), std::move(client));
  see();
}

void Draft::remove_client(const std::string& id) {
  transaction_.erase(records().clients, id);
  see();
}

void Draft::remove_app(const std::string& id) {
  const auto before = state_;
  for (const auto& [key, rule] : before.rules_of<TrafficRule>(id)) {
    transaction_.erase(records().traffic_rules, key);
  }
  for (const auto& [key, rule] : before.rules_of<DnsRule>(id)) {
    transaction_.erase(records().dns_rules, key);
  }
  for (const auto& [client_id, client] : before.clients()) {
    if (client.value.app_instance_id != id) continue;
    if (client.value.self_registering) {
      auto unbound = client.value;
      unbound.app_instance_id.reset();
      transaction_.put(records().clients, client_id, std::move(unbound));
    } else {
      transaction_.erase(records().clients, client_id);
    }
  }
  transaction_.erase(records().apps, id);
  see();
}

template <typename Rule>
bool Draft::differs() const {
  bool out = false;
  for_each_desired_difference<Rule>(base_, state_,
                                    [&](const auto&, const auto*, const auto*) -> bool {
                                      out = true;
                                      return false;
                                    });
  return out;
}

void Draft::finish() {
  if (!differs<TrafficRule>() && !differs<DnsRule>()) return;
  see();  // other collections may have raised it as well
  transaction_.put(records().counters, State::kGeneration, state_.generation() + 1);
  see();
}

}  // namespace sluice::mep
