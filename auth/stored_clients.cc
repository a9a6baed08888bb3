#include "auth/stored_clients.h"

#include <vector>

#include "auth/client_json.h"
#include "base/store/schema.h"

namespace sluice::auth {
namespace {

constexpr int64_t kLongestBody = 3 * 86'400;  // seconds; of gigabytes over a thin line

nlohmann::json time_to_json(const int64_t& time) { return time; }
Result<int64_t> time_from_json(const nlohmann::json& value) {
  if (!value.is_number_integer()) return fail(ErrorCode::kInternal, "not a time");
  return value.get<int64_t>();
}

// Ids have no control characters.
std::string key_of(std::string_view client_id, std::string_view token_id) {
  return fmt::format("{}\x1f{}", client_id, token_id);
}

}  // namespace

store::Collection<int64_t> add_revoked_tokens(store::Schema& schema) {
  return schema.add("revoked_token", time_to_json, time_from_json);
}

ClientRecords ClientRecords::add_to(store::Schema& schema) {
  return {schema.add("client", client_to_json, client_from_json), add_revoked_tokens(schema)};
}

std::optional<Client> StoredClients::find(std::string_view client_id) const {
  const auto state = store_.snapshot();
  const auto* found = state.find(records_.clients, client_id);
  if (found == nullptr) return std::nullopt;
  return found->value;
}

bool StoredClients::is_revoked(std::string_view client_id, std::string_view token_id) const {
  const auto state = store_.snapshot();
  return state.find(records_.revoked_tokens, key_of(client_id, token_id)) != nullptr;
}

Result<void> StoredClients::revoke(const std::string& client_id, const std::string& token_id,
                                   int64_t expires) {
  return store_.change([&](store::Transaction& change) -> Result<void> {
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(change.now().time_since_epoch()).count();
    const auto view = change.view();
    // What has expired is refused without this, but for a request whose body still comes.
    std::vector<std::string> over;
    std::vector<std::string> own;
    for (const auto& [key, stored] : view.of(records_.revoked_tokens)) {
      if (stored.value + kLongestBody <= now) {
        over.push_back(key);
      } else if (stored.value > now && key.starts_with(key_of(client_id, ""))) {
        own.push_back(key);
      }
    }
    for (const auto& key : over) change.erase(records_.revoked_tokens, key);
    const auto* client = view.find(records_.clients, client_id);
    if (own.size() < kMaxRevoked || client == nullptr) {
      change.put(records_.revoked_tokens, key_of(client_id, token_id), expires);
      return {};
    }
    for (const auto& key : own) change.erase(records_.revoked_tokens, key);
    auto renewed = client->value;
    ++renewed.token_generation;
    change.put(records_.clients, client_id, std::move(renewed));
    return {};
  });
}

}  // namespace sluice::auth
