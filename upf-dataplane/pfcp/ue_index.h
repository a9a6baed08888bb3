// Which session has a UE's address: at most one, as the user plane sees to.
#pragma once

#include <functional>
#include <unordered_map>

#include "upf-dataplane/session/model.h"

namespace sluice::upf::pfcp {

class UeIndex {
 public:
  // The session has its spec's UE addresses from now on.
  void add(const SessionSpec& spec);
  // The session has them no more; addresses that another one has taken stay with that one.
  void remove(const SessionSpec& spec);

  // Calls `visit` with the session of each UE address in the spec, possibly more than once.
  void each_holder(const SessionSpec& spec, const std::function<void(Seid)>& visit) const;

  size_t size() const { return by_address_.size(); }

 private:
  // IPv6 by the upper 64 bits, as the user plane tells UEs apart.
  std::unordered_map<IpAddress, Seid> by_address_;
};

}  // namespace sluice::upf::pfcp
