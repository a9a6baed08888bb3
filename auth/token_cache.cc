#include "auth/token_cache.h"

#include <algorithm>

namespace sluice::auth {

TokenCache::TokenCache(size_t max_tokens)
    : max_in_shard_(std::max<size_t>(1, max_tokens / kShards)) {}

TokenCache::Known* TokenCache::Shard::use(std::string_view token) {
  const auto found = by_token.find(token);
  if (found == by_token.end()) return nullptr;
  recent.splice(recent.begin(), recent, found->second);
  return &*found->second;
}

std::optional<TokenCache::Holder> TokenCache::holder(std::string_view token) const {
  auto& shard = shard_of(token);
  const std::lock_guard lock(shard.mutex);
  const auto* known = shard.use(token);
  if (!known || !known->holder.principal) return std::nullopt;
  return known->holder;
}

std::shared_ptr<const VerifiedToken> TokenCache::find(std::string_view token) const {
  auto& shard = shard_of(token);
  const std::lock_guard lock(shard.mutex);
  const auto* known = shard.use(token);
  return known ? known->verified : nullptr;
}

void TokenCache::remember(std::string_view token, std::shared_ptr<const VerifiedToken> verified) {
  auto& shard = shard_of(token);
  const std::lock_guard lock(shard.mutex);
  if (shard.use(token)) return;  // another thread was faster
  shard.recent.push_front({std::string(token), std::move(verified), {}});
  shard.by_token.emplace(shard.recent.front().token, shard.recent.begin());
  if (shard.recent.size() <= max_in_shard_) return;
  shard.by_token.erase(shard.recent.back().token);
  shard.recent.pop_back();
}

void TokenCache::set_holder(std::string_view token, Holder holder) {
  auto& shard = shard_of(token);
  const std::lock_guard lock(shard.mutex);
  if (auto* known = shard.use(token)) known->holder = std::move(holder);
}

}  // namespace sluice::auth
