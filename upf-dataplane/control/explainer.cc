#include "upf-dataplane/control/explainer.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "upf-dataplane/control/roomy_frame.h"
#include "upf-dataplane/packet/encapsulate.h"
#include "upf-dataplane/packet/ethernet.h"

namespace sluice::upf {
namespace {

using nlohmann::json;

constexpr size_t kL4Bytes = 20;  // of the packets that are made: enough for any header

std::string address_text(const uint8_t* mapped) {
  return IpAddress(Ipv6Address::from_bytes(mapped)).to_string();
}

json packet_json(const FlowKey& key, const Port& port) {
  json out = {{"direction", key.direction() == Direction::kUplink ? "uplink" : "downlink"},
              {"port", port.name},
              {"source", address_text(key.source)},
              {"destination", address_text(key.destination)},
              {"protocol", key.protocol},
              {"tos", key.tos}};
  if (key.has_ports()) {
    out["sourcePort"] = key.source_port;
    out["destinationPort"] = key.destination_port;
  }
  if ((key.bits & FlowKey::kHasQfi) != 0) out["qfi"] = key.qfi;
  if (key.direction() == Direction::kUplink) out["teid"] = fmt::format("{:#x}", key.origin);
  return out;
}

json snssai_json(const traffic_rules::Snssai& snssai) {
  json out = {{"sst", snssai.sst}};
  if (snssai.sd) out["sd"] = fmt::format("{:06x}", *snssai.sd);
  return out;
}

json far_json(const Far& far) {
  json out = {{"id", far.id.value()},
              {"action", far.forward  ? "FORW"
                         : far.buffer ? "BUFF"
                                      : "DROP"}};
  if (far.outer_header) {
    const OuterHeader& tunnel = *far.outer_header;
    out["tunnel"] = {{"peer", tunnel.peer.to_string()}};
    if (tunnel.udp_port) {
      out["tunnel"]["udpPort"] = *tunnel.udp_port;
    } else {
      out["tunnel"]["teid"] = fmt::format("{:#x}", tunnel.teid.value());
    }
  }
  if (far.redirect) {
    const Redirect& to = *far.redirect;
    out["redirect"] = !to.url.empty() ? to.url
                      : !to.v6        ? to.v4->to_string()
                      : !to.v4        ? to.v6->to_string()
                                      : to.v4->to_string() + ", " + to.v6->to_string();
  }
  return out;
}

template <typename Ids>
json ids_json(const Ids& ids) {
  json out = json::array();
  for (const auto id : ids) out.push_back(id.value());
  return out;
}

const char* action_name(const SteeringTable& rules, const SteeringRule& rule) {
  switch (rule.action) {
    case SteeringAction::kDrop:
      return "DROP";
    case SteeringAction::kPassthrough:
      return "PASSTHROUGH";
    case SteeringAction::kForwardDecapsulated:
      return "FORWARD_DECAPSULATED";
    case SteeringAction::kBranch:
      break;
  }
  const SteeringBranch& branch = rules.branches[rule.branch];
  if (branch.duplicate) {
    return branch.encapsulated ? "DUPLICATE_ENCAPSULATED" : "DUPLICATE_DECAPSULATED";
  }
  return branch.encapsulated ? "FORWARD_ENCAPSULATED" : "FORWARD_DECAPSULATED";
}

// What the pipeline answered by itself, if it did.
std::string answer_of(const WorkerCounters& counters) {
  for (size_t i = 0; i < kAnswers; ++i) {
    if (counters.answered[i].get() != 0) return std::string(to_string(static_cast<Answer>(i)));
  }
  return {};
}

json verdict_json(const Packet& packet, const WorkerCounters& counters,
                  const std::vector<Port>& ports) {
  const auto out_port = [&] { return ports[packet.out_port].name; };
  switch (packet.verdict) {
    case Verdict::kSend: {
      json out = {{"verdict", "sent"}, {"outPort", out_port()}};
      out["nextHop"] = MacAddress::from_bytes(packet.data).to_string();
      if (auto answer = answer_of(counters); !answer.empty()) {
        out["verdict"] = "answered";
        out["answer"] = std::move(answer);
      }
      return out;
    }
    case Verdict::kPuntResolve:
      return {{"verdict", "sent"}, {"outPort", out_port()}, {"nextHop", "to be asked for"}};
    case Verdict::kHold:
      return {{"verdict", "buffered"}};
    case Verdict::kPuntLearn:
      return {{"verdict", "learnt from"}};
    case Verdict::kException:
      if (packet.exception == Exception::kTooLong) {
        return {{"verdict", "sent"}, {"outPort", out_port()}, {"fragmented", true}};
      }
      return {{"verdict", "handed to the control thread"}};
    case Verdict::kDrop:
    case Verdict::kPending:
      break;
  }
  return {{"verdict", "dropped"}, {"dropReason", to_string(packet.drop)}};
}

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// Puts a packet of the user or to it into the tunnel that was learned, as it is seen on the wire.
void wrap_as_learned(Packet& packet, const LearnedTunnel& tunnel, const PacketQuestion& q) {
  const size_t skip = tunnel.outer_is_v6 ? 0 : 12;  // of the mapped form
  const auto& ran = q.uplink ? tunnel.uplink_ran : tunnel.downlink.address;
  const uint8_t* core = tunnel.owner.core.data() + skip;
  encapsulate(packet,
              {.source = q.uplink ? ran.data() + skip : core,
               .destination = q.uplink ? core : ran.data() + skip,
               .is_v6 = tunnel.outer_is_v6,
               .teid = q.teid.value_or(q.uplink ? tunnel.uplink_teid : tunnel.downlink.teid),
               .has_qfi = tunnel.has_qfi,
               .qfi = q.qfi.value_or(tunnel.qfi),
               .is_uplink = q.uplink});
  packet.prepend(tunnel.link.bytes);
  std::memcpy(packet.data, tunnel.link.header.data(), tunnel.link.bytes);
}

// The answer in lines for people.
json lines(const json& answer) {
  json out = json::array();
  const auto add = [&](std::string line) { out.push_back(std::move(line)); };
  if (answer.contains("packet")) {
    const json& p = answer["packet"];
    const auto port = [&](const char* name) {
      return p.contains(name) ? ":" + p[name].dump() : std::string();
    };
    add(fmt::format("{} packet on {}: {}{} to {}{}, protocol {}", text_of(p["direction"]),
                    text_of(p["port"]), text_of(p["source"]), port("sourcePort"),
                    text_of(p["destination"]), port("destinationPort"), p["protocol"].dump()));
  }
  if (answer.value("learned", false)) {
    add(fmt::format("learned: tunnels {} of the core's {} and {} of {}",
                    text_of(answer["session"]["uplinkTeid"]), text_of(answer["session"]["core"]),
                    text_of(answer["session"]["downlinkTeid"]), text_of(answer["session"]["ran"])));
  } else if (answer.contains("session")) {
    add(fmt::format("session: SEID {}", text_of(answer["session"]["seid"])));
    add(answer.contains("pdr")
            ? fmt::format("PDR {} (precedence {}) detects it", answer["pdr"]["id"].dump(),
                          text_of(answer["pdr"]["precedence"]))
            : "no PDR of the session detects it");
  } else {
    add("no session has it");
  }
  if (answer.contains("far")) {
    std::string tunnel;
    if (answer["far"].contains("tunnel")) {
      const json& to = answer["far"]["tunnel"];
      tunnel =
          to.contains("teid")
              ? fmt::format(" into tunnel {} of {}", text_of(to["teid"]), text_of(to["peer"]))
              : fmt::format(" into UDP port {} of {}", text_of(to["udpPort"]), text_of(to["peer"]));
    }
    if (answer["far"].contains("redirect")) {
      tunnel += ", redirected to " + text_of(answer["far"]["redirect"]);
    }
    add(fmt::format("FAR {}: {}{}", answer["far"]["id"].dump(), text_of(answer["far"]["action"]),
                    tunnel));
  }
  if (answer.contains("rule")) {
    add(fmt::format(
        "MEC rule {}: {}{}", text_of(answer["rule"]["id"]), text_of(answer["rule"]["action"]),
        !answer["rule"].value("reachable", true) ? ", but its destination does not answer" : ""));
  } else if (answer.contains("pdr") || answer.value("learned", false)) {
    add("no MEC rule takes it");
  }
  std::string last = "so it is " + text_of(answer["verdict"]);
  if (answer.contains("answer")) last += " by " + text_of(answer["answer"]);
  if (answer.contains("dropReason")) last += ": " + text_of(answer["dropReason"]);
  if (answer.contains("outPort")) last += " out of " + text_of(answer["outPort"]);
  if (answer.contains("nextHop")) last += ", next hop " + text_of(answer["nextHop"]);
  if (answer.value("rateLimited", false)) last += ", within the rates of its QERs";
  add(std::move(last));
  return out;
}

}  // namespace

Explainer::Explainer(const SharedState& shared, const SessionManager& sessions,
                     const SteeringManager& steering, FindSpec spec,
                     std::function<uint64_t()> ticks, size_t session_slots, size_t rule_slots)
    : shared_(shared),
      sessions_(sessions),
      steering_(steering),
      spec_(std::move(spec)),
      ticks_(std::move(ticks)),
      session_slots_(session_slots),
      rule_slots_(rule_slots) {}

Result<std::vector<uint8_t>> Explainer::make_frame(const PacketQuestion& q, PortIndex at,
                                                   const Session& session) const {
  const Port& port = shared_.forwarding.load(std::memory_order_acquire)->ports[at];
  const bool is_v6 = q.ue.is_v6();
  const size_t ip_bytes = is_v6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header);
  std::vector<uint8_t> buffer(RoomyFrame::kHeadroom + ip_bytes + kL4Bytes);
  Packet packet{.data = buffer.data() + RoomyFrame::kHeadroom,
                .length = static_cast<uint32_t>(ip_bytes + kL4Bytes),
                .headroom = RoomyFrame::kHeadroom};
  const auto from = (q.uplink ? q.ue : q.remote).v6().bytes();
  const auto to = (q.uplink ? q.remote : q.ue).v6().bytes();
  if (is_v6) {
    auto* ip = reinterpret_cast<Ipv6Header*>(packet.data);
    ip->version_class_label = 0x60000000U | uint32_t{q.tos} << 20;
    ip->payload_length = kL4Bytes;
    ip->next_header = q.protocol;
    ip->hop_limit = 64;
    std::memcpy(ip->source, from.data(), 16);
    std::memcpy(ip->destination, to.data(), 16);
  } else {
    auto* ip = reinterpret_cast<Ipv4Header*>(packet.data);
    ip->version_ihl = 0x45;
    ip->tos = q.tos;
    ip->total_length = static_cast<uint16_t>(packet.length);
    ip->ttl = 64;
    ip->protocol = q.protocol;
    std::memcpy(packet.data + 12, from.data() + 12, 4);
    std::memcpy(packet.data + 16, to.data() + 12, 4);
  }
  const Be16 ports[2] = {q.uplink ? q.ue_port : q.remote_port,
                         q.uplink ? q.remote_port : q.ue_port};
  std::memcpy(packet.data + ip_bytes, ports, sizeof ports);
  bool outer_v6 = is_v6;
  if (is_of_wire(port.role)) {
    const LearnedTunnel& tunnel = *shared_.learned->at(session.slot());
    wrap_as_learned(packet, tunnel, q);
    return std::vector<uint8_t>(packet.data, packet.data + packet.length);
  }
  if (q.uplink) {
    outer_v6 = port.own_v4() == nullptr;
    const uint8_t* own = outer_v6 ? port.own_v6() : port.own_v4();
    if (!q.teid || own == nullptr) {
      return std::unexpected(Error{ErrorCode::kNotFound, "the session has no uplink tunnel", "ue"});
    }
    encapsulate(packet, {.source = own,
                         .destination = own,
                         .is_v6 = outer_v6,
                         .teid = *q.teid,
                         .has_qfi = q.qfi.has_value(),
                         .qfi = q.qfi.value_or(0)});
  }
  packet.prepend(sizeof(EthernetHeader));
  write_ethernet(packet.data, port.mac, MacAddress({2, 0, 0, 0, 0, 0}),
                 outer_v6 ? kEtherTypeIpv6 : kEtherTypeIpv4);
  return std::vector<uint8_t>(packet.data, packet.data + packet.length);
}

Result<json> Explainer::explain(const PacketQuestion& question) const {
  const auto bytes = question.ue.v6().bytes();
  uint32_t v4;
  uint64_t v6;
  std::memcpy(&v4, bytes.data() + 12, 4);
  std::memcpy(&v6, bytes.data(), 8);
  const Session* session =
      question.ue.is_v4() ? shared_.sessions.find_v4(v4) : shared_.sessions.find_v6(v6);
  if (session == nullptr) {
    return std::unexpected(
        Error{ErrorCode::kNotFound,
              (shared_.learned ? "nobody is steered who has " : "no session has ") +
                  question.ue.to_string(),
              "ue"});
  }
  PacketQuestion full = question;
  const auto& ports = shared_.forwarding.load(std::memory_order_acquire)->ports;
  const bool is_inline = shared_.learned != nullptr;
  const PortRole role = question.uplink ? (is_inline ? PortRole::kN3Ran : PortRole::kN3)
                                        : (is_inline ? PortRole::kN3Core : PortRole::kN6);
  if (!full.in_port) {
    const auto port = std::ranges::find(ports, role, &Port::role);
    full.in_port = static_cast<PortIndex>(port - ports.begin());
  }
  if (full.uplink && !full.teid) {
    const auto pdrs = session->uplink_pdrs();
    const auto uplink = std::ranges::find_if(pdrs, [](const auto& pdr) { return pdr.teid != 0; });
    if (uplink != pdrs.end()) full.teid = uplink->teid;
    // A PDR that wants a QFI takes no packet without one: the lowest it takes.
    if (uplink != pdrs.end() && !full.qfi && uplink->qfis != CompiledPdr::kAnyQfi) {
      full.qfi = static_cast<uint8_t>(std::countr_zero(uplink->qfis));
    }
  }
  const auto frame = make_frame(full, *full.in_port, *session);
  if (!frame) return std::unexpected(frame.error());
  return explain(*full.in_port, *frame);
}

json Explainer::session_json(const Session& session) const {
  if (!shared_.learned) {
    const auto seid = sessions_.holder(session.slot());
    return {{"seid", fmt::format("{:#x}", seid.value_or(Seid()).value())}};
  }
  const LearnedTunnel& known = *shared_.learned->at(session.slot());
  return {{"core", address_text(known.owner.core.data())},
          {"ran", address_text(known.downlink.address.data())},
          {"uplinkTeid", fmt::format("{:#x}", known.uplink_teid)},
          {"downlinkTeid", fmt::format("{:#x}", known.downlink.teid)}};
}

json Explainer::explain(PortIndex port, const std::vector<uint8_t>& frame) const {
  const auto& ports = shared_.forwarding.load(std::memory_order_acquire)->ports;
  RoomyFrame copy(port, frame);
  Packet& packet = copy.packet();
  // Counters of its own, so that asking changes nothing.
  WorkerCounters counters(session_slots_, rule_slots_);
  Pipeline pipeline(shared_, counters, 1);
  const auto decision = pipeline.explain(packet, ticks_());
  json out = verdict_json(packet, counters, ports);
  if (decision) {
    out["packet"] = packet_json(decision->key, ports[port]);
    const auto seid = sessions_.holder(decision->session->slot());
    out["session"] = session_json(*decision->session);
    out["learned"] = shared_.learned != nullptr;
    const SessionSpec* spec = seid ? spec_(*seid) : nullptr;
    if (spec != nullptr && !spec->dnn.empty()) out["session"]["dnn"] = spec->dnn;
    if (spec != nullptr && spec->snssai) out["session"]["sNssai"] = snssai_json(*spec->snssai);
    if (decision->pdr != nullptr && !shared_.learned) {
      out["pdr"] = {{"id", decision->pdr->id}, {"precedence", "unknown"}};
      if (spec != nullptr && spec->pdrs.contains(PdrId(decision->pdr->id))) {
        const Pdr& pdr = spec->pdrs.at(PdrId(decision->pdr->id));
        out["pdr"]["precedence"] = pdr.precedence;
        out["pdr"]["qers"] = ids_json(pdr.qers);
        out["pdr"]["urrs"] = ids_json(pdr.urrs);
        out["far"] = far_json(spec->fars.at(pdr.far));
      }
      out["gateOpen"] = decision->pdr->gate_open;
      out["rateLimited"] = decision->rate_limited;
    }
    if (decision->rule != kNoRank) {
      const SteeringRule& rule = decision->rules->rules[decision->rule];
      out["rule"] = {{"id", steering_.key_of(rule.counter)},
                     {"action", action_name(*decision->rules, rule)}};
      if (rule.next_hop != kNoNextHop) {
        out["rule"]["reachable"] = shared_.next_hops.get(rule.next_hop).reachable();
      }
    }
  }
  out["text"] = lines(out);
  return out;
}

}  // namespace sluice::upf
