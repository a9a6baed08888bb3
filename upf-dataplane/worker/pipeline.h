// The packet path of one worker: a burst of frames in, a verdict for each out. Runs to completion
// stage by stage over the whole burst, so that the memory one packet needs is loaded while others
// are worked on. Knows no DPDK, locks nothing, allocates nothing.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "upf-dataplane/packet/copy_room.h"
#include "upf-dataplane/packet/flow_key.h"
#include "upf-dataplane/packet/packet.h"
#include "upf-dataplane/steer/flow_cache.h"
#include "upf-dataplane/worker/counters.h"
#include "upf-dataplane/worker/shared_state.h"
#include "upf-dataplane/worker/stage_timer.h"
#include "upf-dataplane/worker/worker_event.h"

namespace sluice::upf {

class Pipeline {
 public:
  static constexpr size_t kMaxBurst = 64;

  // `copies`: for packets that go to several; without it there are none, which is counted.
  Pipeline(const SharedState& shared, WorkerCounters& counters, size_t cached_flows,
           CopyRoom* copies = nullptr)
      : shared_(shared),
        counters_(counters),
        copies_(copies),
        cache_(cached_flows),
        timer_(counters.stages) {}

  // Decides every packet of the burst (at most kMaxBurst) and counts all but the sending. A punted
  // frame is either one that the control thread learns from (ARP, ND), as it came, or one whose
  // next hop is not known: then `out_port` is set and the frame is complete but for its destination
  // MAC, which is zero. A held one is as it came. `now` is in ticks of
  // SharedState::ticks_per_second, from any origin.
  void process(std::span<Packet> burst, uint64_t now) { process(burst, now, nullptr); }
  // The same for packets of one session, which need not be published yet.
  void process(std::span<Packet> burst, uint64_t now, const Session* session);

  // What process() has to tell the control thread. Who cannot deliver an event says not_told() to
  // its meter.
  std::span<const WorkerEvent> events() const { return {events_.data(), event_count_}; }

  // Whoever calls process() says when a round begins and ends.
  StageTimer& timer() { return timer_; }

 private:
  static constexpr uint16_t kNoPdr = 0xffff;

  // A user's packet between the stages.
  struct Work {
    FlowKey key;
    Packet* packet;
    const Session* session;
    InnerLayout layout;
    uint16_t inner_offset;  // of the user's IP header in the frame
    uint16_t pdr;
    Rank rule;
    uint32_t hash;
  };

  // Stage 1: everything that is not a user's packet is finished here.
  void parse(Packet& packet);
  void parse_access(Packet& packet, const Port& port, uint16_t l3_type);
  void parse_network(Packet& packet, const Port& port, uint16_t l3_type);
  void handle_arp(Packet& packet, const Port& port);
  void handle_own(Packet& packet, const Port& port, uint16_t l3_type);
  void handle_own_icmpv6(Packet& packet, const Port& port, size_t l4_offset);
  // Stage 2: keeps the packets that have a session.
  void find_sessions();
  const Session* find_by_address(const FlowKey& key) const;
  // True when it has one by a prefix, or came by a tunnel of a MEC rule; else it is finished.
  bool without_session(Work& work);
  // Whether it is for an address of ours, as packets in the tunnels of MEC rules are.
  bool is_own_tunnel(const Work& work) const;
  bool leave_tunnel(Work& work);
  // Stage 3: PDR and MEC rule, from the cache or by looking.
  void classify();
  // Whether looking is cheaper than remembering.
  bool is_quick_to_look_up(const Work& work) const;
  void classify_one(Work& work);
  void look_up(Work& work) const;
  bool takes_port(const Work& work, uint16_t pdr) const;
  // Rules that name the packet's tunnel, when they come before the one found.
  void match_tunnel(Work& work) const;
  // Stage 4: carries the decision out.
  void act(Work& work);
  // Counts a packet for the URRs that count before, or behind, its rates.
  void count_usage(const Work& work, const CompiledPdr& pdr, bool before_qos);
  bool take_rates(const Work& work, const CompiledPdr& pdr);
  // Whether quotas and rates let a packet pass that a PDR with `special` has detected; otherwise it
  // is dropped.
  bool admit(Work& work, const CompiledPdr& pdr);
  // Lets a packet leave first that is within the rate that its rule guarantees.
  void protect(Work& work);
  // Whether a packet is within a rate that its PDR guarantees.
  bool is_guaranteed(const Work& work, const CompiledPdr& pdr) const;
  void tell(const Work& work, UsageMeter* meter);
  // A packet whose FAR does not forward: buffered or dropped.
  void not_forwarded(Work& work, const CompiledPdr& pdr);
  // No PDR has detected it by the UE's address: a packet of the link, from or to the CP function,
  // or dropped.
  void without_pdr(Work& work);
  void send_to_cp(Work& work, const CompiledPdr& pdr);
  void act_uplink(Work& work);
  void act_downlink(Work& work);
  // Answers a DNS query for a name with a rule; false when the query is to go on.
  bool answer_dns_query(Work& work);

  bool steer_locally(Work& work, const SteeringRule& rule);
  // MEC rules that do more than that (pipeline_branch.cc).
  bool has_branch(const Work& work) const {
    return work.rule != kNoRank && steering_->rules[work.rule].action == SteeringAction::kBranch;
  }
  // Tunnels between UPFs, and copies that N4 asks for (pipeline_n9.cc).
  static void come_from_core(Work& work);
  void send_to_upf(Work& work, const CompiledPdr& pdr);
  void duplicate(const Work& work, const CompiledPdr& pdr);
  void duplicate_dropped(const Work& work, const CompiledPdr& pdr);

  void branch_uplink(Work& work, const CompiledPdr& pdr);
  void branch_downlink(Work& work, const CompiledPdr& pdr);
  bool is_reachable(const SteeringBranch& branch) const;
  void send_copies(const Packet& original, const uint8_t* frame, const SteeringBranch& branch,
                   const CompiledPdr* tunnel);
  Packet* take_copy(const Packet& original);
  void deliver(Packet& packet, const SteeringDestination& to);

  void strip_tunnel(Work& work);
  bool open(Work& work);
  void to_network(Work& work, const CompiledPdr& pdr);
  void send_to_network(Work& work, const CompiledPdr& pdr);
  void send_into_tunnel(Packet& packet, const CompiledPdr& pdr);
  bool put_into_tunnel(Packet& packet, const CompiledPdr& pdr);
  void send_ethernet(Packet& packet, const NextHop& hop, bool is_v6);
  void answered(Packet& packet, Answer kind);
  void drop(Packet& packet, DropReason reason);
  void count_rule(uint32_t counter, uint64_t bytes) { counters_.rules[counter].add(bytes); }

  const SharedState& shared_;
  WorkerCounters& counters_;
  CopyRoom* copies_;
  FlowCache cache_;
  StageTimer timer_;
  const ForwardingTable* forwarding_ = nullptr;  // for the burst in hand
  const SteeringTable* steering_ = nullptr;
  const Session* only_ = nullptr;  // the session that all packets are known to be of
  uint64_t now_ = 0;
  std::array<Work, kMaxBurst> work_;
  size_t works_ = 0;
  std::array<WorkerEvent, kMaxBurst> events_;
  size_t event_count_ = 0;
};

}  // namespace sluice::upf
