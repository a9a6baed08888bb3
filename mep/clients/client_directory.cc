#include "mep/clients/client_directory.h"

#include <vector>

namespace sluice::mep {
namespace {

nlohmann::json time_to_json(const int64_t& time) { return time; }
Result<int64_t> time_from_json(const nlohmann::json& value) {
  if (!value.is_number_integer()) return fail(ErrorCode::kInternal, "not a time");
  return value.get<int64_t>();
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

bool ClientDirectory::is_revoked(std::string_view token_id) const {
  const auto snapshot = store_.base().snapshot();
  return snapshot.find(records_.revoked_tokens, token_id) != nullptr;
}

Result<void> ClientDirectory::revoke(const std::string& token_id, int64_t expires) {
  return store_.base().change([&](store::Transaction& change) -> Result<void> {
    const auto now =
        std::chrono::floor<std::chrono::seconds>(change.now()).time_since_epoch().count();
    const auto view = change.view();
    const auto& revoked = view.of(records_.revoked_tokens);
    // What has expired is refused without this, and makes room.
    std::vector<std::string> over;
    for (const auto& [id, stored] : revoked) {
      if (stored.value <= now) over.push_back(id);
    }
    if (revoked.size() - over.size() >= kMaxRevoked) {
      return fail(ErrorCode::kResourceExhausted, "too many tokens are revoked already");
    }
    for (const auto& id : over) change.erase(records_.revoked_tokens, id);
    change.put(records_.revoked_tokens, token_id, expires);
    return {};
  });
}

}  // namespace sluice::mep
