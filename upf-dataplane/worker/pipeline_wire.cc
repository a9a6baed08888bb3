// The mode inline: frames between the access network and the core's UPF, which pass as they came
// unless a MEC rule takes the user's packet in them.
#include "upf-dataplane/packet/encapsulate.h"
#include "upf-dataplane/packet/ethernet.h"
#include "upf-dataplane/packet/gtpu.h"
#include "upf-dataplane/packet/gtpu_elements.h"
#include "upf-dataplane/packet/hops.h"
#include "upf-dataplane/packet/outer_header.h"
#include "upf-dataplane/worker/pipeline.h"

namespace sluice::upf {
namespace {

constexpr uint16_t kDnsPort = 53;
constexpr size_t kV4Offset = 12;  // of an IPv4 address within its mapped form
constexpr size_t kV6PrefixBytes = 8;
constexpr uint8_t kDscpBits = 0xfc;  // of the traffic class; the others are ECN

std::array<uint8_t, 16> mapped(const uint8_t* wire, bool is_v6) {
  std::array<uint8_t, 16> out{};
  if (is_v6) {
    std::memcpy(out.data(), wire, 16);
  } else {
    out[10] = out[11] = 0xff;
    std::memcpy(out.data() + kV4Offset, wire, 4);
  }
  return out;
}

// As it lies on the wire.
const uint8_t* wire_form(const std::array<uint8_t, 16>& address, bool is_v6) {
  return address.data() + (is_v6 ? 0 : kV4Offset);
}

// Ethernet and at most two VLAN tags; false when something else than IP is behind them.
bool read_link(const Packet& packet, LinkHeader& link, bool& is_v6) {
  size_t at = sizeof(EthernetHeader) - sizeof(Be16);
  for (int tags = 0; packet.length >= at + sizeof(Be16); ++tags) {
    const uint16_t type = *reinterpret_cast<const Be16*>(packet.data + at);
    if (type == kEtherTypeIpv4 || type == kEtherTypeIpv6) {
      is_v6 = type == kEtherTypeIpv6;
      link.bytes = static_cast<uint8_t>(at + sizeof(Be16));
      std::memcpy(link.header.data(), packet.data, link.bytes);
      return true;
    }
    if ((type != kEtherTypeVlan && type != kEtherTypeServiceVlan) || tags == 2) return false;
    at += 4;
  }
  return false;
}

uint8_t outer_tos(const uint8_t* ip, bool is_v6) {
  return is_v6 ? reinterpret_cast<const Ipv6Header*>(ip)->traffic_class()
               : reinterpret_cast<const Ipv4Header*>(ip)->tos;
}

// The user's address, as users are told apart.
std::array<uint8_t, 16> user_address(const FlowKey& key, bool uplink) {
  std::array<uint8_t, 16> out{};
  std::memcpy(out.data(), uplink ? key.source : key.destination,
              key.is_v6() ? kV6PrefixBytes : out.size());
  return out;
}

FlowKey outer_key(const TunnelSight& sight) {
  const bool uplink = sight.kind == TunnelSight::Kind::kUplink;
  const auto& from = uplink ? sight.ran : sight.owner.core;
  const auto& to = uplink ? sight.owner.core : sight.ran;
  return tunnel_key(from.data(), to.data(), sight.source_port, kGtpuPort);
}

}  // namespace

bool Pipeline::process_wire(std::span<Packet> burst) {
  if (burst.empty() || !is_of_wire(forwarding_->ports[burst.front().in_port].role)) return false;
  const bool uplink = burst.front().in_port == shared_.learned->ran();
  for (Packet& packet : burst) parse_wire(packet, uplink);
  timer_.lap(Stage::kParse);
  recognise();
  timer_.lap(Stage::kSession);
  classify_flows();
  timer_.lap(Stage::kClassify);
  for (size_t i = 0; i < works_; ++i) act_on_wire(work_[i], (*sights_)[i].sight);
  timer_.lap(Stage::kAct);
  return true;
}

void Pipeline::pass(Packet& packet, Passed why) {
  counters_.passed[static_cast<size_t>(why)].add(1);
  const LearnedTunnels& learned = *shared_.learned;
  packet.send_to(packet.in_port == learned.ran() ? learned.core() : learned.ran());
}

void Pipeline::parse_wire(Packet& packet, bool uplink) {
  packet.verdict = Verdict::kPending;
  packet.slot = 0;
  if (packet.length < kMinFrameBytes) return drop(packet, DropReason::kMalformedFrame);
  Sighted& sighted = (*sights_)[works_];
  TunnelSight& sight = sighted.sight;
  Outer outer;
  if (!read_link(packet, sight.link, sight.outer_is_v6)) return pass(packet, Passed::kOther);
  const size_t l3 = sight.link.bytes;
  const bool is_v6 = sight.outer_is_v6;
  if (!(is_v6 ? parse_outer_v6(packet, l3, outer) : parse_outer_v4(packet, l3, outer)) ||
      !outer.is_udp) {
    return pass(packet, Passed::kOther);
  }
  if (outer.is_fragment) return pass(packet, Passed::kFragment);
  const auto* udp = reinterpret_cast<const UdpHeader*>(packet.data + outer.l4_offset);
  const size_t gtp_offset = outer.l4_offset + sizeof(UdpHeader);
  const size_t udp_end = outer.l4_offset + (outer.end < gtp_offset ? 0 : udp->length.get());
  if (udp_end < gtp_offset || udp_end > outer.end || udp->destination_port != kGtpuPort) {
    return pass(packet, Passed::kOther);
  }
  GtpuView gtp;
  const Bytes message{packet.data + gtp_offset, udp_end - gtp_offset};
  if (!read_gtpu(message, gtp)) return pass(packet, Passed::kNotUnderstood);
  sight.kind = uplink ? TunnelSight::Kind::kUplink : TunnelSight::Kind::kDownlink;
  sight.teid = gtp.teid;
  sight.has_qfi = gtp.qfi.has_value();
  sight.qfi = gtp.qfi.value_or(0);
  sight.source_port = udp->source_port;
  sight.ran = mapped(uplink ? outer.source : outer.destination, is_v6);
  sight.owner.core = mapped(uplink ? outer.destination : outer.source, is_v6);
  if (gtp.type != kGtpuGpdu) {
    pass(packet, Passed::kSignalling);
    return learn_end(sight, gtp, message);
  }

  Work& work = work_[works_];
  work.packet = &packet;
  work.inner_offset = static_cast<uint16_t>(gtp_offset + gtp.header_bytes);
  const FlowOrigin from{.direction = uplink ? Direction::kUplink : Direction::kDownlinkCore,
                        .has_qfi = uplink && sight.has_qfi,
                        .qfi = uplink ? sight.qfi : uint8_t{0},
                        .origin = uplink ? 0U : packet.in_port};
  if (!parse_inner({packet.data + work.inner_offset, gtp.payload_bytes}, from, work.key,
                   work.layout) ||
      gtp.teid == 0) {
    return pass(packet, Passed::kNotUnderstood);
  }
  const uint8_t* user = uplink ? work.key.source : work.key.destination;
  // Router discovery and the like: of the link and not of a user.
  if (is_not_forwardable(user, work.key.is_v6())) return pass(packet, Passed::kNotUnderstood);
  if (work.layout.is_fragment) return pass(packet, Passed::kFragment);
  // The mark of congestion (RFC 3168 §5) is that packet's own and not the tunnel's.
  sight.tos = outer_tos(packet.data + l3, is_v6) & kDscpBits;
  sight.owner.ue = user_address(work.key, uplink);
  sighted.key = shared_.learned->key_of(sight.owner);
  shared_.learned->prefetch(sighted.key);
  ++works_;
}

// From a message that is no G-PDU: End Marker (TS 29.281 §7.3.2) of the core, Error Indication
// (§7.3.1) of a base station.
void Pipeline::learn_end(TunnelSight& sight, const GtpuView& gtp,
                         std::span<const uint8_t> message) {
  if (sight_queue_ == nullptr || dry_) return;
  const bool uplink = sight.kind == TunnelSight::Kind::kUplink;
  if (!uplink && gtp.type == kGtpuEndMarker && gtp.teid != 0) {
    sight.kind = TunnelSight::Kind::kEnded;
  } else if (const auto unknown = uplink && gtp.type == kGtpuErrorIndication
                                      ? read_error_indication(message)
                                      : std::nullopt) {
    // Only who a tunnel leads to may say that it ends there.
    if (unknown->peer.v6().bytes() != sight.ran) return;
    sight.kind = TunnelSight::Kind::kEnded;
    sight.teid = unknown->teid;
  } else {
    return;
  }
  sight.owner.ue = {};
  sight_queue_->tell(sight, shared_.learned->key_of(sight.owner), now_);
}

// Stage 2 on the wire: keeps the packets of users whose tunnels are known, and tells the rest.
void Pipeline::recognise() {
  size_t kept = 0;
  for (size_t i = 0; i < works_; ++i) {
    Work& work = work_[i];
    const Sighted& sighted = (*sights_)[i];
    const LearnedTunnel* tunnel = shared_.learned->find(sighted.key, sighted.sight.owner);
    if (tunnel == nullptr || !tunnel->fits(sighted.sight)) {
      if (sight_queue_ != nullptr && !dry_) sight_queue_->tell(sighted.sight, sighted.key, now_);
      pass(*work.packet, Passed::kUnknown);
      continue;
    }
    // Counted whatever becomes of it: who is silent is forgotten.
    counters_.seen[tunnel->slot].add(1);
    if (!tunnel->is_steerable) {
      pass(*work.packet, Passed::kUnknown);
      continue;
    }
    work.session = tunnel->session;
    work.packet->slot = tunnel->slot;
    if (kept != i) {
      work_[kept] = work;
      (*sights_)[kept] = sighted;
    }
    ++kept;
  }
  works_ = kept;
}

void Pipeline::act_on_wire(Work& work, const TunnelSight& sight) {
  if (work.pdr == kNoPdr) return pass(*work.packet, Passed::kUnknown);
  const bool uplink = work.key.direction() == Direction::kUplink;
  const auto& tunnelled = uplink ? steering_->tunnelled_uplink : steering_->tunnelled_downlink;
  if (!tunnelled.empty()) [[unlikely]] {
    work.rule = tunnelled.find(work.key, outer_key(sight), work.rule);
  }
  Packet& packet = *work.packet;
  if (work.rule != kNoRank) {
    const SteeringRule& rule = steering_->rules[work.rule];
    switch (rule.action) {
      case SteeringAction::kDrop:
        count_rule(work, rule.counter);
        return drop(packet, DropReason::kRuleDrop);
      case SteeringAction::kForwardDecapsulated:
        if (divert(work, rule)) return;
        break;
      case SteeringAction::kPassthrough:
        count_rule(work, rule.counter);
        break;
      case SteeringAction::kBranch:  // refused in this mode
        break;
    }
  }
  if (uplink && work.key.destination_port == kDnsPort && work.key.protocol == kProtoUdp &&
      work.key.has_ports() && !steering_->dns.empty()) {
    const Packet as_it_came = packet;
    strip_tunnel(work);
    if (answer_dns_query(work)) return;
    packet = as_it_came;
  }
  pass(packet, Passed::kNoRule);
}

// Takes the user's packet off the wire, to where the rule says. False when it has to stay there:
// nobody answers, or it is one that the next router would not pass on either.
bool Pipeline::divert(Work& work, const SteeringRule& rule) {
  const NextHop hop = shared_.next_hops.get(rule.next_hop);
  if (!hop.reachable() || is_not_forwardable(work.key.destination, work.key.is_v6()) ||
      !take_hop(work.packet->data + work.inner_offset)) {
    return false;
  }
  protect(work);
  count_rule(work, rule.counter);
  strip_tunnel(work);
  send_ethernet(*work.packet, hop, work.key.is_v6(), &work);
  return true;
}

// A packet to the user, by the tunnel that was learned: as the core's UPF would send it.
void Pipeline::send_on_wire(Work& work) {
  Packet& packet = *work.packet;
  const LearnedTunnel* tunnel =
      shared_.learned == nullptr ? nullptr : shared_.learned->at(work.session->slot());
  if (tunnel == nullptr) return drop(packet, DropReason::kNoNextHop);
  if (!tunnel->is_steerable) return drop(packet, DropReason::kUnknownUe);
  const bool is_v6 = tunnel->outer_is_v6;
  const TunnelHeader header{.source = wire_form(tunnel->owner.core, is_v6),
                            .destination = wire_form(tunnel->downlink.address, is_v6),
                            .is_v6 = is_v6,
                            .teid = tunnel->downlink.teid,
                            .has_qfi = tunnel->has_qfi,
                            .qfi = tunnel->qfi,
                            .tos = tunnel->tos};
  if (!encapsulate(packet, header)) return drop(packet, DropReason::kNoRoom);
  const PortIndex ran = shared_.learned->ran();
  const uint32_t mtu = forwarding_->ports[ran].mtu;
  const bool is_long = packet.length > mtu;
  // Who cuts packets knows no VLAN tags.
  if (is_long && (tunnel->link.bytes != sizeof(EthernetHeader) || !may_cut(work))) [[unlikely]] {
    return too_big(work, mtu);
  }
  if (!packet.prepend(tunnel->link.bytes)) return drop(packet, DropReason::kNoRoom);
  std::memcpy(packet.data, tunnel->link.header.data(), tunnel->link.bytes);
  packet.send_to(ran);
  if (is_long) [[unlikely]] {
    packet.except_for(Exception::kTooLong,
                      static_cast<uint16_t>(packet.length - work.layout.total_bytes));
  }
}

}  // namespace sluice::upf
