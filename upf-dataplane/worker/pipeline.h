// The packet path of one worker: a burst of frames in, a verdict for each out. Runs to completion
// stage by stage over the whole burst, so that the memory one packet needs is loaded while others
// are worked on. Knows no DPDK, locks nothing, allocates nothing.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "upf-dataplane/packet/copy_room.h"
#include "upf-dataplane/packet/flow_key.h"
#include "upf-dataplane/packet/gtpu.h"
#include "upf-dataplane/packet/gtpu_answer.h"
#include "upf-dataplane/packet/icmp_error.h"
#include "upf-dataplane/packet/packet.h"
#include "upf-dataplane/steer/flow_cache.h"
#include "upf-dataplane/worker/counters.h"
#include "upf-dataplane/worker/error_limiter.h"
#include "upf-dataplane/worker/shared_state.h"
#include "upf-dataplane/worker/stage_timer.h"
#include "upf-dataplane/worker/usage_recorder.h"
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
        timer_(counters.stages),
        errors_(shared.ticks_per_second),
        sights_(shared.learned ? std::make_unique<Sights>() : nullptr) {}

  // Decides every packet of the burst (at most kMaxBurst) and counts all but the sending. A punted
  // frame is either one that the control thread learns from (ARP, ND), as it came, or one whose
  // next hop is not known: then `out_port` is set and the frame is complete but for its destination
  // MAC, which is zero. A held one is as it came. In the mode inline a burst comes by one port.
  // `now` is in ticks of SharedState::ticks_per_second, from any origin.
  void process(std::span<Packet> burst, uint64_t now) { process(burst, now, nullptr); }
  // The same for packets of one session, which need not be published yet.
  void process(std::span<Packet> burst, uint64_t now, const Session* session);
  // The same for one fragment of a user's packet, whose ports are known from another.
  void process_fragment(Packet& packet, uint64_t now, const Session* session,
                        const FragmentPorts& ports);

  // What decides a user's packet. Everything is valid until the next quiescent state.
  struct Decision {
    FlowKey key = {};
    const Session* session = nullptr;  // none: no session has the packet
    const CompiledPdr* pdr = nullptr;  // none: no PDR detects it
    const SteeringTable* rules = nullptr;
    Rank rule = kNoRank;        // in `rules`, of the best MEC rule
    bool rate_limited = false;  // a QER's rates apply, and were not asked
  };
  // Decides one packet without using up or counting what its session has: rates, quotas, usage.
  // Counters of the pipeline's own count. Nothing when it is no user's packet.
  std::optional<Decision> explain(Packet& packet, uint64_t now);

  // Counts by session and rule, too, from now on; null: not.
  void record_usage(UsageRecorder* usage) { usage_ = usage; }
  // In the mode inline: tells what is new of tunnels, from now on; null: nobody.
  void tell_sights(SightQueue* queue) { sight_queue_ = queue; }

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
    GuaranteeIndex guarantee;  // of the flow by itself
    uint32_t hash;
  };

  // The mode inline (pipeline_wire.cc): what one packet on the wire shows, beside its Work.
  struct Sighted {
    TunnelSight sight;
    uint64_t key = 0;  // LearnedTunnels::key_of()
  };
  using Sights = std::array<Sighted, kMaxBurst>;
  // False when the burst did not come by an end of the wire.
  bool process_wire(std::span<Packet> burst);
  void parse_wire(Packet& packet, bool uplink);
  void learn_end(TunnelSight& sight, const GtpuView& gtp, std::span<const uint8_t> message);
  void recognise();
  void act_on_wire(Work& work, const TunnelSight& sight);
  bool divert(Work& work, const SteeringRule& rule);
  void send_on_wire(Work& work);
  // Sends a frame on as it came.
  void pass(Packet& packet, Passed why);

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
  // Whether a fragment can be decided here (pipeline_special.cc).
  bool take_fragment(Work& work);
  // True when it has one by a prefix, or came by a tunnel of a MEC rule; else it is finished.
  bool without_session(Work& work);
  // Whether it is for an address of ours, as packets in the tunnels of MEC rules are.
  bool is_own_tunnel(const Work& work) const;
  bool leave_tunnel(Work& work);
  // Whether it is a datagram to an address of ours, as those of tunnels of UDP/IP are.
  bool is_own_datagram(const Work& work) const;
  // True when it was in a tunnel of its user's session, and now is the user's packet; otherwise
  // nothing has changed.
  bool leave_udp_tunnel(Work& work) const;
  // Stage 3: PDR and MEC rule, from the cache or by looking.
  void classify();
  void classify_flows();  // without regard to tunnels
  // Whether looking is cheaper than remembering.
  bool is_quick_to_look_up(const Work& work) const;
  void classify_one(Work& work);
  void look_up(Work& work) const;
  bool takes_port(const Work& work, uint16_t pdr) const;
  // Rules that name the packet's tunnel, when they come before the one found.
  void match_tunnel(Work& work) const;
  // Stage 4: carries the decision out.
  void act(Work& work);
  // Counts a packet for the URRs that count before, or behind, its rates; with `over_quota` not for
  // those whose quota is used up.
  void count_usage(const Work& work, const CompiledPdr& pdr, bool before_qos, bool over_quota);
  bool take_rates(const Work& work, const CompiledPdr& pdr);
  bool take_packets(const Work& work, const CompiledPdr& pdr);
  // Whether quotas and rates let a packet pass that a PDR with `special` has detected; otherwise it
  // is dropped, or what a URR says has been done with it.
  bool admit(Work& work, const CompiledPdr& pdr);
  // A quota is used up (pipeline_limits.cc). True when the packet passes all the same.
  bool over_quota(Work& work, const CompiledPdr& pdr);
  // Lets a packet leave first that is within the rate that its flow or its rule may count on.
  void protect(Work& work);
  // Whether a packet is within the rate of a guarantee; it is counted if that is about its
  // direction.
  bool count_on(Work& work, GuaranteeIndex index);
  // Whether a packet is within a rate that its PDR guarantees.
  bool is_guaranteed(const Work& work, const CompiledPdr& pdr) const;
  void tell(const Work& work, UsageMeter* meter);
  // For the URRs that want to know what the UE does not get.
  void count_dropped(const Work& work, const CompiledPdr& pdr);
  // A packet whose FAR does not forward: buffered or dropped.
  void not_forwarded(Work& work, const CompiledPdr& pdr);
  // No PDR has detected it by the UE's address: a packet of the link, from or to the CP function,
  // or dropped.
  void without_pdr(Work& work);
  void send_to_cp(Work& work, const CompiledPdr& pdr);
  void act_uplink(Work& work, const CompiledPdr& pdr);
  void act_downlink(Work& work, const CompiledPdr& pdr);
  // Answers a DNS query for a name with a rule; false when the query is to go on.
  bool answer_dns_query(Work& work);

  bool steer_locally(Work& work, const SteeringRule& rule);
  // MEC rules that do more than that (pipeline_branch.cc).
  bool has_branch(const Work& work) const {
    return work.rule != kNoRank && steering_->rules[work.rule].action == SteeringAction::kBranch;
  }
  // What the SMF redirects (pipeline_redirect.cc).
  void redirect(Work& work, const CompiledPdr& pdr);
  void restore_source(Work& work) const;
  void restore_quoted(Work& work) const;
  void undo_redirection(Work& work) const;
  void look_closer(Work& work) const;
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
  void deliver(Packet& packet, const SteeringDestination& to, Work* user);

  void strip_tunnel(Work& work);
  bool open(Work& work);
  void to_network(Work& work, const CompiledPdr& pdr);
  void send_to_network(Work& work, const CompiledPdr& pdr);
  void send_into_tunnel(Work& work, const CompiledPdr& pdr);
  bool put_into_tunnel(Packet& packet, const CompiledPdr& pdr);
  // `packet` begins with an IP header, and ends with the user's packet `user`: when it is too long
  // it is cut, or its sender is told. Without a user it is a copy, or a whole tunnel packet, which
  // is dropped then.
  void send_ethernet(Packet& packet, const NextHop& hop, bool is_v6, Work* user);
  // Sends the user's packet in hand, which answers `work`, to the UE, as far as N4 permits packets
  // of `reply_key`.
  void reply_to_ue(Work& work, const FlowKey& reply_key, Answer kind);
  static int match_reply(Work& work, const CompiledPdr& uplink);

  // Whether a packet that is too long for its port may be cut instead.
  bool may_cut(const Work& work) const;

  // What cannot go on, and whom it is told (pipeline_errors.cc). `mtu` is that of the port, for
  // all that surrounds the user's packet by now too.
  void no_hop_left(Work& work);
  void too_big(Work& work, uint32_t mtu);
  void report(Work& work, IcmpError error, uint32_t mtu, DropReason reason);
  void report_to_ue(Work& work, IcmpError error, uint32_t mtu, DropReason reason);
  void report_to_network(Work& work, IcmpError error, uint32_t mtu, DropReason reason);
  void unknown_tunnel(Work& work);
  void refuse_gtpu(Packet& packet, const Port& port, const GtpuPlace& at, size_t end);
  void answered(Packet& packet, Answer kind);
  void drop(Packet& packet, DropReason reason);
  // Counts the user's packet for the rule that has the counter.
  void count_rule(const Work& work, uint32_t counter) {
    const uint64_t bytes = work.layout.total_bytes;
    counters_.rules[counter].add(bytes);
    if (usage_ == nullptr) return;
    usage_->add(work.session->serial(), work.session->slot(), counter,
                work.key.direction() == Direction::kUplink, bytes);
  }

  const SharedState& shared_;
  WorkerCounters& counters_;
  CopyRoom* copies_;
  UsageRecorder* usage_ = nullptr;
  FlowCache cache_;
  StageTimer timer_;
  const ForwardingTable* forwarding_ = nullptr;  // for the burst in hand
  const SteeringTable* steering_ = nullptr;
  const Session* only_ = nullptr;         // the session that all packets are known to be of
  const FragmentPorts* ports_ = nullptr;  // of the packet that the fragment in hand belongs to
  bool dry_ = false;                      // explaining
  uint64_t now_ = 0;
  std::array<Work, kMaxBurst> work_;
  size_t works_ = 0;
  ErrorLimiter errors_;
  std::array<WorkerEvent, kMaxBurst> events_;
  size_t event_count_ = 0;
  std::unique_ptr<Sights> sights_;  // null: the mode upf
  SightQueue* sight_queue_ = nullptr;
};

}  // namespace sluice::upf
