#include "mep/clients/client_directory.h"

#include <vector>

namespace sluice::mep {
namespace {

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

ClientRecords ClientRecords::add_to(store::Schema& schema) {
  return {schema.add("revoked_token", time_to_json, time_from_json)};
}

std::optional<auth::Client> ClientDirectory::find(std::string_view client_id) const {
  const auto state = store_.snapshot();
  const auto* found = state.clients().find(client_id);
  if (found == nullptr) return std::nullopt;
  auto out = found->value;
  const auto* app = out.app_instance_id ? state.find_app(*out.app_instance_id) : nullptr;
  if (app != nullptr && app->state == AppState::kTerminated) {
    out.scopes = auth::common_scopes(out.scopes, {std::string(auth::kScopeAppSupport)});
  }
  return out;
}

bool ClientDirectory::is_revoked(std::string_view client_id, std::string_view token_id) const {
  const auto snapshot = store_.base().snapshot();
  return snapshot.find(records_.revoked_tokens, key_of(client_id, token_id)) != nullptr;
}

Result<void> ClientDirectory::revoke(const std::string& client_id, const std::string& token_id,
                                     int64_t expires) {
  return store_.change([&](Draft& draft) -> Result<void> {
    auto& change = draft.transaction();
    const auto now = draft.now_ms() / 1000;
    const auto view = change.view();
    // What has expired is refused without this, and makes room.
    std::vector<std::string> over;
    std::vector<std::string> own;
    for (const auto& [key, stored] : view.of(records_.revoked_tokens)) {
      if (stored.value <= now) {
        over.push_back(key);
      } else if (key.starts_with(key_of(client_id, ""))) {
        own.push_back(key);
      }
    }
    for (const auto& key : over) change.erase(records_.revoked_tokens, key);
    const auto* client = view.find(draft.state().records().clients, client_id);
    if (own.size() < kMaxRevoked || client == nullptr) {
      change.put(records_.revoked_tokens, key_of(client_id, token_id), expires);
      return {};
    }
    for (const auto& key : own) change.erase(records_.revoked_tokens, key);
    auto renewed = client->value;
    ++renewed.token_generation;
    draft.put_client(std::move(renewed));
    return {};
  });
}

}  // namespace sluice::mep
