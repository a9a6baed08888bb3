// The networks of app instances: a network namespace each, with one interface that is a port of the
// site's local-DN bridge. Made by the `ip` program (iproute2).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/net/ip_address.h"

namespace sluice::mepm {

struct NetworkOptions {
  std::string bridge;                // an interface that exists; in this process's own namespace
  unsigned prefix_length = 24;       // of the local DN
  std::optional<IpAddress> gateway;  // towards users: the user plane's address on the local DN
  unsigned mtu = 1500;
};

class AppNetwork {
 public:
  // `owner`: letters and digits, before the names of all that is made.
  AppNetwork(std::string owner, NetworkOptions options)
      : prefix_("sluice-" + owner + "-"), options_(std::move(options)) {}

  // Whatever of it is missing. kInternal with what `ip` says.
  Result<void> ensure(const std::string& id, const IpAddress& address) const;
  // Its namespace and its port are there, and the port belongs to the bridge.
  bool is_whole(const std::string& id) const;
  // Also when there is none.
  Result<void> remove(const std::string& id) const;
  std::vector<std::string> list() const;                                  // ids
  std::string name(const std::string& id) const { return prefix_ + id; }  // `ip netns`
  std::string path(const std::string& id) const { return "/run/netns/" + name(id); }

 private:
  // At the bridge: as much of a hash as a name has room for.
  std::string port_name(const std::string& id) const;
  Result<void> configure(const std::string& id, const IpAddress& address) const;

  const std::string prefix_;
  const NetworkOptions options_;
};

}  // namespace sluice::mepm
