#include "upf-dataplane/worker/pipeline.h"

#include <algorithm>

#include "upf-dataplane/packet/encapsulate.h"
#include "upf-dataplane/packet/ethernet.h"
#include "upf-dataplane/packet/flow_hash.h"
#include "upf-dataplane/packet/hops.h"
#include "upf-dataplane/packet/marking.h"

namespace sluice::upf {
namespace {

constexpr uint16_t kEthernetBytes = sizeof(EthernetHeader);
constexpr size_t kFewTuples = 2;
constexpr size_t kV4Offset = 12;  // of an IPv4 address within its mapped form

uint32_t raw_v4(const uint8_t* mapped) {
  uint32_t raw;
  std::memcpy(&raw, mapped + kV4Offset, 4);
  return raw;
}

uint64_t raw_upper(const uint8_t* address) {
  uint64_t raw;
  std::memcpy(&raw, address, 8);
  return raw;
}

}  // namespace

void Pipeline::process(std::span<Packet> burst, uint64_t now, const Session* session) {
  now_ = now;
  only_ = session;
  forwarding_ = shared_.forwarding.load(std::memory_order_acquire);
  steering_ = shared_.steering.load(std::memory_order_acquire);
  works_ = 0;
  event_count_ = 0;
  if (sights_ && process_wire(burst)) return;
  for (Packet& packet : burst) parse(packet);
  timer_.lap(Stage::kParse);
  find_sessions();
  timer_.lap(Stage::kSession);
  classify();
  timer_.lap(Stage::kClassify);
  for (size_t i = 0; i < works_; ++i) act(work_[i]);
  timer_.lap(Stage::kAct);
}

void Pipeline::find_sessions() {
  size_t kept = 0;
  for (size_t i = 0; i < works_; ++i) {
    Work& work = work_[i];
    if (only_ != nullptr) {
      work.session = only_;
      if (is_own_tunnel(work) && !leave_tunnel(work)) continue;
      if (is_own_datagram(work)) leave_udp_tunnel(work);
    } else if (work.key.direction() == Direction::kUplink) {
      work.session = shared_.sessions.find_teid(work.key.origin);
    } else {
      work.session = find_by_address(work.key);
    }
    if (work.session == nullptr && !without_session(work)) continue;
    if (work.layout.is_fragment && !take_fragment(work)) [[unlikely]]
      continue;
    if (work.key.direction() == Direction::kUplink) {
      work.session->prefetch_uplink();
    } else {
      work.session->prefetch_downlink();
    }
    if (kept != i) work_[kept] = work;
    ++kept;
  }
  works_ = kept;
}

const Session* Pipeline::find_by_address(const FlowKey& key) const {
  if (key.is_v6()) return shared_.sessions.find_v6(raw_upper(key.destination));
  return shared_.sessions.find_v4(raw_v4(key.destination));
}

bool Pipeline::without_session(Work& work) {
  Packet& packet = *work.packet;
  if (work.key.direction() == Direction::kUplink) {
    unknown_tunnel(work);
    return false;
  }
  if (is_own_tunnel(work)) return leave_tunnel(work);
  if (is_own_datagram(work) && leave_udp_tunnel(work)) return true;
  const Port& port = forwarding_->ports[packet.in_port];
  const bool is_v6 = work.key.is_v6();
  work.session = shared_.sessions.find_prefix(work.key.destination, is_v6);
  if (work.session != nullptr) return true;
  const uint8_t* destination = work.key.destination + (is_v6 ? 0 : kV4Offset);
  const bool is_group = is_v6 && destination[0] == 0xff;
  if (is_group || port.owns_wire(destination, is_v6)) {
    handle_own(packet, port, is_v6 ? kEtherTypeIpv6 : kEtherTypeIpv4);
  } else {
    drop(packet, DropReason::kUnknownUe);
  }
  return false;
}

bool Pipeline::is_quick_to_look_up(const Work& work) const {
  const bool uplink = work.key.direction() == Direction::kUplink;
  const Classifier& rules = uplink ? steering_->uplink : steering_->downlink;
  const Classifier& rates = uplink ? steering_->guaranteed_uplink : steering_->guaranteed_downlink;
  // The flow would be one more line of memory, the tables of few tuples are shared by all flows.
  return rules.tuples() + rates.tuples() <= kFewTuples && work.session->is_plain();
}

void Pipeline::classify() {
  classify_flows();
  if (steering_->tunnelled_uplink.empty() && steering_->tunnelled_downlink.empty()) return;
  for (size_t i = 0; i < works_; ++i) match_tunnel(work_[i]);
}

void Pipeline::classify_flows() {
  for (size_t i = 0; i < works_; ++i) {
    Work& work = work_[i];
    if (work.session->is_unusual()) [[unlikely]]
      look_closer(work);
    __builtin_prefetch(&counters_.sessions[work.session->slot()], 1);
    if (is_quick_to_look_up(work)) continue;
    work.key.set_session(work.session->version());
    work.hash = hash(work.key);
    cache_.prefetch(work.hash);
  }
  for (size_t i = 0; i < works_; ++i) classify_one(work_[i]);
}

void Pipeline::classify_one(Work& work) {
  if (is_quick_to_look_up(work)) return look_up(work);
  const auto* known = cache_.find(work.key, work.hash, steering_->epoch);
  // The port is no part of the key: a tunnel's packets normally come by one.
  if (known != nullptr && takes_port(work, known->pdr)) {
    counters_.cache_hits.add(1);
    work.pdr = known->pdr;
    work.rule = known->rule;
    work.guarantee = known->guarantee;
    return;
  }
  counters_.cache_misses.add(1);
  look_up(work);
  if (work.pdr == kNoPdr) return;
  cache_.store(
      work.key, work.hash,
      {.epoch = steering_->epoch, .rule = work.rule, .pdr = work.pdr, .guarantee = work.guarantee});
}

bool Pipeline::takes_port(const Work& work, uint16_t pdr) const {
  const CompiledPdr& rule = work.key.direction() == Direction::kUplink
                                ? work.session->uplink_pdr(pdr)
                                : work.session->downlink_pdr(pdr);
  return (rule.in_ports >> work.packet->in_port & 1) != 0;
}

void Pipeline::look_up(Work& work) const {
  const bool uplink = work.key.direction() == Direction::kUplink;
  const int pdr = uplink
                      ? work.session->match_uplink(work.key, work.key.origin, work.packet->in_port)
                      : work.session->match_downlink(work.key, work.packet->in_port);
  work.pdr = pdr < 0 ? kNoPdr : static_cast<uint16_t>(pdr);
  const Classifier& rules = uplink ? steering_->uplink : steering_->downlink;
  work.rule =
      rules.find(steering_->has_scopes ? rule_key(work.key, work.session->network()) : work.key);
  work.guarantee =
      (uplink ? steering_->guaranteed_uplink : steering_->guaranteed_downlink).find(work.key);
}

void Pipeline::act(Work& work) {
  work.packet->slot = work.session->slot();
  if (work.pdr == kNoPdr) {
    without_pdr(work);
  } else if (work.key.direction() == Direction::kUplink) {
    act_uplink(work, work.session->uplink_pdr(work.pdr));
  } else {
    act_downlink(work, work.session->downlink_pdr(work.pdr));
  }
}

void Pipeline::protect(Work& work) {
  if (dry_) return;
  GuaranteeIndex of_rule = kNoRank;
  if (work.rule != kNoRank) {
    const SteeringRule& rule = steering_->rules[work.rule];
    if (rule.action == SteeringAction::kDrop) return;  // nothing is spent on it
    of_rule = rule.guarantee;
  }
  // What is beyond the rate of its flow is its app's, like the rest of what the rule decides.
  if (work.guarantee != kNoRank && count_on(work, work.guarantee)) return;
  if (of_rule != kNoRank && of_rule != work.guarantee) count_on(work, of_rule);
}

bool Pipeline::count_on(Work& work, GuaranteeIndex index) {
  const SteeringGuarantee& guarantee = steering_->guarantees[index];
  const bool uplink = work.key.direction() == Direction::kUplink;
  Meter& meter = uplink ? guarantee.meters->uplink : guarantee.meters->downlink;
  if (!meter.has_rate()) return false;
  counters_.rules[guarantee.counter].add(work.layout.total_bytes);
  if (!meter.take(work.layout.total_bytes, now_, shared_.writers > 1)) return false;
  work.packet->guaranteed = true;
  return true;
}

void Pipeline::not_forwarded(Work& work, const CompiledPdr& pdr) {
  if ((pdr.special & CompiledPdr::kDuplicates) != 0) duplicate_dropped(work, pdr);
  if ((pdr.special & CompiledPdr::kBuffers) == 0) {
    if (pdr.usage_count != 0) count_dropped(work, pdr);
    return drop(*work.packet, DropReason::kFarDrop);
  }
  work.packet->hold_for(work.session->slot(), pdr.id);
}

void Pipeline::act_uplink(Work& work, const CompiledPdr& pdr) {
  // What N4 forbids, no MEC rule permits; what N4 permits is counted, whoever then gets it.
  if (!pdr.gate_open) return drop(*work.packet, DropReason::kGateClosed);
  if (!pdr.forward) return not_forwarded(work, pdr);
  if (pdr.special != 0) {
    if ((pdr.special & CompiledPdr::kToCp) != 0) return send_to_cp(work, pdr);
    if (!admit(work, pdr)) return;
  }
  counters_.sessions[work.session->slot()].uplink.add(work.layout.total_bytes);
  if ((pdr.special & CompiledPdr::kDuplicates) != 0) duplicate(work, pdr);
  if ((pdr.special & CompiledPdr::kRedirects) != 0) return redirect(work, pdr);

  protect(work);
  if (has_branch(work)) return branch_uplink(work, pdr);
  if (is_not_forwardable(work.key.destination, work.key.is_v6())) {
    return drop(*work.packet, DropReason::kNotForwardable);
  }
  if (!open(work)) return;
  if (work.rule != kNoRank && steer_locally(work, steering_->rules[work.rule])) return;
  to_network(work, pdr);
}

// The normal path of the uplink.
void Pipeline::to_network(Work& work, const CompiledPdr& pdr) {
  if (work.key.destination_port == 53 && work.key.protocol == kProtoUdp && work.key.has_ports() &&
      !steering_->dns.empty() && answer_dns_query(work)) {
    return;
  }
  if (pdr.encapsulate) return send_to_upf(work, pdr);
  send_to_network(work, pdr);
}

void Pipeline::act_downlink(Work& work, const CompiledPdr& pdr) {
  if (!pdr.gate_open) return drop(*work.packet, DropReason::kGateClosed);
  if (!pdr.forward) return not_forwarded(work, pdr);
  if (pdr.special != 0 && !admit(work, pdr)) return;
  counters_.sessions[work.session->slot()].downlink.add(work.layout.total_bytes);
  if ((pdr.special & CompiledPdr::kDuplicates) != 0) duplicate(work, pdr);

  protect(work);
  if (has_branch(work)) return branch_downlink(work, pdr);
  if (!open(work)) return;
  if (work.rule != kNoRank && steer_locally(work, steering_->rules[work.rule])) return;
  send_into_tunnel(work, pdr);
}

// True when the rule decided the packet's fate.
bool Pipeline::steer_locally(Work& work, const SteeringRule& rule) {
  switch (rule.action) {
    case SteeringAction::kDrop:
      count_rule(work, rule.counter);
      drop(*work.packet, DropReason::kRuleDrop);
      return true;
    case SteeringAction::kPassthrough:
      count_rule(work, rule.counter);
      return false;
    case SteeringAction::kForwardDecapsulated:
    case SteeringAction::kBranch:  // goes its own way
      break;
  }
  if (work.key.direction() == Direction::kDownlinkLocal) {
    // The app's own answer to what was steered to it: on to the UE, not back to the app.
    count_rule(work, rule.counter);
    return false;
  }
  const NextHop hop = shared_.next_hops.get(rule.next_hop);
  if (!hop.reachable()) return false;  // towards the centre; the control thread suspends the rule
  count_rule(work, rule.counter);
  send_ethernet(*work.packet, hop, work.key.is_v6(), &work);
  return true;
}

// Leaves just the user's IP packet.
void Pipeline::strip_tunnel(Work& work) {
  work.packet->trim_front(work.inner_offset);
  work.packet->truncate(work.layout.total_bytes);
}

// The same, one hop further; false when it had none left.
bool Pipeline::open(Work& work) {
  strip_tunnel(work);
  if (take_hop(work.packet->data)) return true;
  no_hop_left(work);
  return false;
}

void Pipeline::send_to_network(Work& work, const CompiledPdr& pdr) {
  Packet& packet = *work.packet;
  if ((pdr.special & CompiledPdr::kHasMark) != 0) mark(packet.data, pdr.mark_tos, pdr.mark_mask);
  const auto id = forwarding_->route(pdr.out_port, work.key.destination, work.key.is_v6());
  if (!id) return drop(packet, DropReason::kNoNextHop);
  if (*id != kNoNextHop) {
    const NextHop hop = shared_.next_hops.get(*id);
    if (!hop.reachable()) return drop(packet, DropReason::kNoNextHop);
    return send_ethernet(packet, hop, work.key.is_v6(), &work);
  }
  // An on-link neighbour that nobody sent to yet: the control thread will find it.
  send_ethernet(packet, NextHop(MacAddress(), pdr.out_port, false), work.key.is_v6(), &work);
  if (packet.verdict != Verdict::kSend) return;
  packet.punt_to_resolve(pdr.out_port);
}

void Pipeline::send_into_tunnel(Work& work, const CompiledPdr& pdr) {
  Packet& packet = *work.packet;
  const NextHop hop = shared_.next_hops.get(pdr.peer_hop);
  if (!hop.reachable()) return send_on_wire(work);  // which drops it in the mode upf
  if (put_into_tunnel(packet, pdr)) send_ethernet(packet, hop, pdr.peer_is_v6, &work);
}

// The packet as it leaves towards its FAR's far end, but for Ethernet; false when it is dropped.
bool Pipeline::put_into_tunnel(Packet& packet, const CompiledPdr& pdr) {
  const Port& port = forwarding_->ports[pdr.out_port];
  const TunnelHeader tunnel{.source = pdr.peer_is_v6 ? port.own_v6() : port.own_v4(),
                            .destination = pdr.peer,
                            .is_v6 = pdr.peer_is_v6,
                            .teid = pdr.peer_teid,
                            .has_qfi = pdr.has_qfi_mark,
                            .qfi = pdr.qfi_mark,
                            .paging_bits = pdr.paging_bits,
                            .tos = pdr.mark_tos};
  if (encapsulate(packet, tunnel)) return true;
  drop(packet, DropReason::kNoRoom);
  return false;
}

void Pipeline::send_ethernet(Packet& packet, const NextHop& hop, bool is_v6, Work* user) {
  const Port& port = forwarding_->ports[hop.port()];
  const bool is_long = packet.length > port.mtu;
  if (is_long && (user == nullptr || !may_cut(*user))) [[unlikely]] {
    return user == nullptr ? drop(packet, DropReason::kTooBig) : too_big(*user, port.mtu);
  }
  if (!packet.prepend(kEthernetBytes)) return drop(packet, DropReason::kNoRoom);
  auto* header = reinterpret_cast<EthernetHeader*>(packet.data);
  hop.write_mac(header->destination);
  std::memcpy(header->source, port.mac.bytes().data(), 6);
  header->type = is_v6 ? kEtherTypeIpv6 : kEtherTypeIpv4;
  packet.send_to(hop.port());
  if (is_long) [[unlikely]] {
    packet.except_for(Exception::kTooLong,
                      static_cast<uint16_t>(packet.length - user->layout.total_bytes));
  }
}

void Pipeline::answered(Packet& packet, Answer kind) {
  counters_.answered[static_cast<size_t>(kind)].add(1);
  if (kind != Answer::kDns) packet.guaranteed = true;
  if (packet.verdict == Verdict::kPending) packet.send_to(packet.in_port);
}

void Pipeline::drop(Packet& packet, DropReason reason) {
  counters_.dropped[static_cast<size_t>(reason)].add(1);
  packet.drop_for(reason);
}

}  // namespace sluice::upf
