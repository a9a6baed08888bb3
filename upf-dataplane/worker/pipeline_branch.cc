// What MEC rules do beyond dropping a packet or sending it, as it is, to one next hop: whole tunnel
// packets, tunnels of their own, copies.
#include "upf-dataplane/packet/encapsulate.h"
#include "upf-dataplane/packet/ethernet.h"
#include "upf-dataplane/packet/gre.h"
#include "upf-dataplane/packet/hops.h"
#include "upf-dataplane/worker/pipeline.h"

namespace sluice::upf {
namespace {

// Of the IP packet that begins at `ip`, whose header has been parsed.
size_t ip_bytes(const uint8_t* ip) {
  return ip[0] >> 4 == 4
             ? reinterpret_cast<const Ipv4Header*>(ip)->total_length.get()
             : sizeof(Ipv6Header) + reinterpret_cast<const Ipv6Header*>(ip)->payload_length;
}

}  // namespace

bool Pipeline::is_reachable(const SteeringBranch& branch) const {
  for (uint8_t i = 0; i < branch.count; ++i) {
    if (shared_.next_hops.get(branch.to[i].next_hop).reachable()) return true;
  }
  return false;
}

void Pipeline::branch_uplink(Work& work, const CompiledPdr& pdr) {
  const SteeringRule& rule = steering_->rules[work.rule];
  const SteeringBranch& branch = steering_->branches[rule.branch];
  Packet& packet = *work.packet;
  if (is_not_forwardable(work.key.destination, work.key.is_v6())) {
    return drop(packet, DropReason::kNotForwardable);
  }
  // With nobody there the control thread is about to suspend the rule.
  const bool applies = is_reachable(branch);
  if (applies && branch.encapsulated) {
    count_rule(work, rule.counter);
    Packet whole = packet;
    whole.trim_front(sizeof(EthernetHeader));
    whole.truncate(static_cast<uint32_t>(ip_bytes(whole.data)));
    if (!branch.duplicate) {
      packet = whole;
      return deliver(packet, branch.to[0], nullptr);
    }
    send_copies(whole, packet.data, branch, nullptr);
  }
  if (!open(work)) return;
  if (applies && !branch.encapsulated) {
    count_rule(work, rule.counter);
    if (!branch.duplicate) return deliver(packet, branch.to[0], &work);
    send_copies(packet, packet.data - work.inner_offset, branch, nullptr);
  }
  to_network(work, pdr);
}

void Pipeline::branch_downlink(Work& work, const CompiledPdr& pdr) {
  const SteeringRule& rule = steering_->rules[work.rule];
  const SteeringBranch& branch = steering_->branches[rule.branch];
  Packet& packet = *work.packet;
  if (!open(work)) return;
  // What an app sends is for the UE: others may have copies of it, nobody takes it away.
  const bool is_local = work.key.direction() == Direction::kDownlinkLocal;
  const bool applies = is_reachable(branch);
  if (applies || is_local) count_rule(work, rule.counter);
  if (applies && branch.duplicate) {
    send_copies(packet, packet.data - work.inner_offset, branch,
                branch.encapsulated ? &pdr : nullptr);
  } else if (applies && !is_local) {
    if (branch.encapsulated && !put_into_tunnel(packet, pdr)) return;
    return deliver(packet, branch.to[0], &work);
  }
  send_into_tunnel(work, pdr);
}

// `original` is what the copies begin as, `frame` the first byte of the frame it came in, `tunnel`
// the PDR into whose tunnel the copies are put first, if any.
void Pipeline::send_copies(const Packet& original, const uint8_t* frame,
                           const SteeringBranch& branch, const CompiledPdr* tunnel) {
  const auto* ethernet = reinterpret_cast<const EthernetHeader*>(frame);
  for (uint8_t i = 0; i < branch.count; ++i) {
    const NextHop hop = shared_.next_hops.get(branch.to[i].next_hop);
    if (!hop.reachable()) continue;
    uint8_t mac[6];
    hop.write_mac(mac);
    // Who sent a packet has it.
    if (hop.port() == original.in_port && std::memcmp(mac, ethernet->source, 6) == 0) continue;
    Packet* copy = take_copy(original);
    if (copy == nullptr || (tunnel != nullptr && !put_into_tunnel(*copy, *tunnel))) continue;
    deliver(*copy, branch.to[i], nullptr);
  }
}

// Null, and counted, when there is no room.
Packet* Pipeline::take_copy(const Packet& original) {
  counters_.copied.add(1);
  Packet* copy = copies_ == nullptr ? nullptr : copies_->copy(original);
  if (copy == nullptr) counters_.dropped[static_cast<size_t>(DropReason::kNoRoom)].add(1);
  return copy;
}

// `packet` and `user` are as for send_ethernet().
void Pipeline::deliver(Packet& packet, const SteeringDestination& to, Work* user) {
  const NextHop hop = shared_.next_hops.get(to.next_hop);
  if (!hop.reachable()) return drop(packet, DropReason::kNoNextHop);
  bool is_v6 = packet.data[0] >> 4 == 6;
  bool has_room = true;
  switch (to.tunnel) {
    case TunnelKind::kNone:
      break;
    case TunnelKind::kGtpU:
      has_room = encapsulate(packet, {.source = to.source.data(),
                                      .destination = to.destination.data(),
                                      .is_v6 = to.is_v6,
                                      .teid = to.id,
                                      .has_qfi = to.has_qfi,
                                      .qfi = to.qfi});
      is_v6 = to.is_v6;
      break;
    case TunnelKind::kGre:
      has_room = encapsulate_gre(packet, {.source = to.source.data(),
                                          .destination = to.destination.data(),
                                          .is_v6 = to.is_v6,
                                          .key = to.has_key ? std::optional(to.id) : std::nullopt});
      is_v6 = to.is_v6;
      break;
  }
  if (!has_room) return drop(packet, DropReason::kNoRoom);
  send_ethernet(packet, hop, is_v6, user);
}

}  // namespace sluice::upf
