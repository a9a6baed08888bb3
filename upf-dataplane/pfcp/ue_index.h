// Which session has a UE's address, or the networks behind it: at most one, as the user plane sees
// to.
#pragma once

#include <functional>
#include <unordered_map>

#include "upf-dataplane/session/model.h"

namespace sluice::upf::pfcp {

class UeIndex {
 public:
  // The session has its spec's UE addresses and framed routes from now on.
  void add(const SessionSpec& spec);
  // The session has them no more; those that another one has taken stay with that one.
  void remove(const SessionSpec& spec);

  // Calls `visit` with the session of each of them in the spec, possibly more than once.
  void each_holder(const SessionSpec& spec, const std::function<void(Seid)>& visit) const;
  // Whether some session has exactly this.
  bool contains(const IpPrefix& prefix) const { return by_prefix_.contains(prefix); }

  size_t size() const { return by_prefix_.size(); }

 private:
  struct Hash {
    size_t operator()(const IpPrefix& prefix) const {
      return std::hash<IpAddress>{}(prefix.address()) * 131 + prefix.length();
    }
  };
  std::unordered_map<IpPrefix, Seid, Hash> by_prefix_;  // without host bits
};

}  // namespace sluice::upf::pfcp
