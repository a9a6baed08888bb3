#include "mep/dns/client_shares.h"

namespace sluice::mep::dns {

IpAddress share_of(const IpAddress& client) {
  return client.is_v4() ? client : IpPrefix::make(client, 64)->network();
}

std::optional<ClientShares::Client> ClientShares::who_makes_room_for(const Client& client) const {
  if (by_count_.empty()) return std::nullopt;
  const auto& [most, who] = *by_count_.rbegin();
  if (most <= of(client) + 1) return std::nullopt;
  return who;
}

void ClientShares::set(const Client& client, size_t count) {
  const auto found = counts_.find(client);
  if (found != counts_.end()) {
    by_count_.erase({found->second, client});
    counts_.erase(found);
  }
  if (count == 0) return;
  counts_.emplace(client, count);
  by_count_.emplace(count, client);
}

}  // namespace sluice::mep::dns
