// Who has how many questions under way. When there is no room for another one, the client that has
// most makes room, so that one who asks for what nobody answers keeps nobody else from asking.
#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <optional>
#include <set>

#include "base/net/ip_address.h"

namespace sluice::mep::dns {

// Whose questions count together: an IPv4 address, or the /64 of an IPv6 address, of which a host
// has as many as it likes.
IpAddress share_of(const IpAddress& client);

class ClientShares {
 public:
  using Client = IpAddress;  // share_of() it

  void add(const Client& client) { set(client, of(client) + 1); }
  void remove(const Client& client) {
    if (const size_t now = of(client); now != 0) set(client, now - 1);
  }
  size_t of(const Client& client) const {
    const auto found = counts_.find(client);
    return found == counts_.end() ? 0 : found->second;
  }
  // One that has more than `client` would have with another question; nobody when `client` itself
  // is among those with most.
  std::optional<Client> who_makes_room_for(const Client& client) const;

 private:
  void set(const Client& client, size_t count);

  std::map<Client, size_t> counts_;
  std::set<std::pair<size_t, Client>> by_count_;
};

}  // namespace sluice::mep::dns
