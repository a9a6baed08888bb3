// The SMFs that this UPF is associated with (TS 29.244 §6.2.6).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "upf-dataplane/pfcp/heartbeat_monitor.h"
#include "upf-dataplane/pfcp/load_control.h"
#include "upf-dataplane/pfcp/peer.h"

namespace sluice::upf::pfcp {

struct Association {
  NodeId node;
  Peer set_up_from;  // where its Association Setup Request came from
  Peer requests_to;  // where Heartbeat Requests of ours go
  RecoveryTimeStamp recovery;
  HeartbeatMonitor monitor;
  std::set<Seid> sessions;
  CpFunctionFeatures features = {};
  ToldLoad told = {};
  // The last Heartbeat Request, for repeating it, and its sequence number.
  std::vector<uint8_t> probe = {};
  std::optional<uint32_t> probe_sequence = {};
};

// By node id. Pointers stay valid until the association is erased.
class AssociationTable {
 public:
  Association* find(const NodeId& node) {
    const auto found = by_node_.find(node);
    return found == by_node_.end() ? nullptr : &found->second;
  }
  // Whose message this is when only its sender tells. Several nodes may share an address; then the
  // port of their setup tells them apart. Null when none or more than one could have sent it.
  Association* find_sender(const Peer& from) {
    Association* same_address = nullptr;
    Association* same_port = nullptr;
    size_t addresses = 0;
    size_t ports = 0;
    for (auto& [node, association] : by_node_) {
      if (association.set_up_from.address != from.address) continue;
      same_address = &association;
      ++addresses;
      if (association.set_up_from.port != from.port) continue;
      same_port = &association;
      ++ports;
    }
    if (addresses == 1) return same_address;
    return ports == 1 ? same_port : nullptr;
  }
  Association& put(Association association) {
    const NodeId node = association.node;
    return by_node_.insert_or_assign(node, std::move(association)).first->second;
  }
  void erase(const NodeId& node) { by_node_.erase(node); }

  size_t size() const { return by_node_.size(); }
  auto begin() { return by_node_.begin(); }
  auto end() { return by_node_.end(); }
  auto begin() const { return by_node_.begin(); }
  auto end() const { return by_node_.end(); }

 private:
  std::map<NodeId, Association> by_node_;
};

}  // namespace sluice::upf::pfcp
