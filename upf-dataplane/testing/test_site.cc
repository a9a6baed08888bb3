#include "upf-dataplane/testing/test_site.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>

#include "base/log.h"
#include "traffic-rules/json.h"
#include "upf-dataplane/packet/ethernet.h"
#include "upf-dataplane/packet/ip.h"

namespace sluice::upf::testing {
namespace {

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().to_string());
  return std::move(*result);
}

Port make_port(const char* name, PortRole role, std::vector<const char*> addresses, uint32_t mtu,
               const MacAddress& mac) {
  Port port;
  port.name = name;
  port.role = role;
  port.mac = mac;
  port.mtu = mtu;
  for (const auto* text : addresses) port.addresses.push_back(*IpPrefix::parse(text));
  return port;
}

// The answer of `mac` to a probe for `address`.
Frame make_answer(const IpAddress& address, const MacAddress& mac) {
  const auto own = *MacAddress::parse(kOwnMac);
  if (address.is_v4()) {
    Frame frame = make_probe(address, address, mac, own);
    auto* arp = reinterpret_cast<ArpPacket*>(frame.data() + sizeof(EthernetHeader));
    arp->operation = kArpReply;
    return frame;
  }
  // A solicitation for itself, turned into an advertisement; the checksum moves with the type.
  Frame frame = make_probe(address, address, mac, own);
  auto* message = reinterpret_cast<NeighbourMessage*>(frame.data() + sizeof(EthernetHeader) +
                                                      sizeof(Ipv6Header));
  message->type = kIcmpv6NeighbourAdvertisement;
  message->flags = kNaSolicited | kNaOverride;
  auto* option = reinterpret_cast<uint8_t*>(message + 1);
  option[0] = kNdTargetLinkLayer;
  // All changes are known differences of one 16-bit word each (RFC 1624).
  uint32_t sum = static_cast<uint16_t>(~message->checksum.get());
  sum += 0x0100;  // type 135 to 136
  sum += 0x6000;  // the flags
  sum += 0x0100;  // option 1 to 2
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  message->checksum = static_cast<uint16_t>(~sum);
  return frame;
}

}  // namespace

std::array<MacAddress, 3> own_macs() {
  const auto own = *MacAddress::parse(kOwnMac);
  return {own, own, own};
}

TestSite::TestSite(size_t capacity, const std::array<MacAddress, 3>& macs, UpfMode mode)
    : counters(2, capacity, SteeringManager::counter_slots(capacity)),
      shared(capacity * 2, capacity, reclaimer) {
  spdlog::set_level(spdlog::level::warn);  // neighbours come and go in every test
  const bool is_inline = mode == UpfMode::kInline;
  if (is_inline) {
    shared.learned = std::make_unique<LearnedTunnels>(capacity, kN3, kN6, 0x5eed, reclaimer);
    learner = std::make_unique<TunnelLearner>(shared, reclaimer, counters, clock,
                                              std::chrono::seconds(10), 1);
  }
  neighbours = std::make_unique<Neighbours>(
      std::vector{
          is_inline
              ? make_port("ran", PortRole::kN3Ran, {}, 1600, macs[0])
              : make_port("n3", PortRole::kN3, {"192.168.3.1/24", "fd03::1/64"}, 1600, macs[0]),
          is_inline
              ? make_port("core", PortRole::kN3Core, {}, 1600, macs[1])
              : make_port("n6", PortRole::kN6, {"192.168.6.1/24", "fd06::1/64"}, 1500, macs[1]),
          make_port("ldn", PortRole::kLocalDn, {"10.60.0.1/24", "fd60::1/64"}, 1500, macs[2])},
      is_inline ? std::vector<Neighbours::Gateways>(3)
                : std::vector<Neighbours::Gateways>{{},
                                                    {*IpAddress::parse("192.168.6.2"),
                                                     *IpAddress::parse("fd06::2")},
                                                    {}},
      shared, reclaimer, clock, *this, NeighbourPolicy{});
  control_pipeline = std::make_unique<ControlPipeline>(shared, counters.worker(1), *neighbours,
                                                       *this, [this] { return ticks(); });
  buffer = std::make_unique<PacketBuffer>(buffer_limits, shared, counters.worker(1),
                                          *control_pipeline, clock);
  sessions = std::make_unique<SessionManager>(
      capacity, shared, *neighbours, reclaimer, counters, clock, [this] { return ticks(); },
      *buffer);
  steering = std::make_unique<SteeringManager>("test", capacity, shared, *neighbours, reclaimer,
                                               counters, clock);
  exceptions = std::make_unique<Exceptions>(
      *control_pipeline, *neighbours, *this, counters.worker(1), clock,
      [this](uint32_t slot, uint16_t pdr, PortIndex port, std::span<const uint8_t> frame,
             const FragmentPorts* ports) { hold(slot, pdr, port, frame, ports); },
      [this](PortIndex port, std::span<const uint8_t> frame, size_t gtp_offset) {
        const auto message = frame.subspan(gtp_offset);
        signalling.emplace_back(port, Frame(message.begin(), message.end()));
      });
  pipeline = std::make_unique<Pipeline>(shared, counters.worker(0), 1024, &copy_room);
  if (is_inline) {
    steering->limit_to_inline();
    pipeline->tell_sights(learner->queue(0));
    return;
  }
  answer(kN6, "192.168.6.2", kGatewayMac);
  answer(kN6, "fd06::2", kGatewayMac);
}

TestSite::~TestSite() {
  exceptions.reset();
  steering.reset();
  learner.reset();
  sessions.reset();
  buffer.reset();
  control_pipeline.reset();
  neighbours.reset();
  while (reclaimer.pending() > 0) reclaimer.grace_period();
}

Outcome TestSite::run(PortIndex in_port, const std::vector<uint8_t>& frame) {
  return run(in_port, std::vector<std::vector<uint8_t>>{frame}).front();
}

std::vector<Outcome> TestSite::run(PortIndex in_port,
                                   const std::vector<std::vector<uint8_t>>& frames,
                                   uint16_t headroom, uint16_t tailroom) {
  std::vector<std::vector<uint8_t>> buffers;
  std::vector<Packet> packets;
  for (const auto& frame : frames) {
    auto& room = buffers.emplace_back(headroom + frame.size() + tailroom);
    std::ranges::copy(frame, room.begin() + headroom);
    packets.push_back({.data = room.data() + headroom,
                       .length = static_cast<uint32_t>(frame.size()),
                       .headroom = headroom,
                       .tailroom = tailroom,
                       .in_port = in_port});
  }
  pipeline->process(packets, ticks());
  if (learner) learner->learn();
  for (const auto& event : pipeline->events()) told.push_back(event.slot);
  for (const auto& packet : packets) {
    if (packet.verdict == Verdict::kHold) {
      hold(packet.slot, packet.pdr, packet.in_port, packet.bytes());
    } else if (packet.verdict == Verdict::kException) {
      exceptions->handle({.kind = packet.exception,
                          .in_port = packet.in_port,
                          .out_port = packet.out_port,
                          .inner_offset = packet.pdr,
                          .slot = packet.slot,
                          .bytes = packet.bytes()});
    }
  }
  const auto outcome_of = [](const Packet& packet) -> Outcome {
    return {packet.verdict,
            packet.out_port,
            packet.drop,
            {packet.data, packet.data + packet.length},
            packet.guaranteed};
  };
  std::vector<Outcome> outcomes;
  for (const auto& packet : packets) outcomes.push_back(outcome_of(packet));
  copies.clear();
  copy_room.each([&](const Packet& copy) { copies.push_back(outcome_of(copy)); });
  copy_room.clear();
  return outcomes;
}

void TestSite::hold(uint32_t slot, uint16_t pdr, PortIndex port, std::span<const uint8_t> frame,
                    const FragmentPorts* ports) {
  if (const auto seid = sessions->hold(slot, PdrId(pdr), port, frame, ports)) {
    held.emplace_back(*seid, PdrId(pdr));
  }
}

SessionSpec TestSite::ue_session(uint32_t n) {
  SessionSpec spec;
  spec.seid = must(sessions->allocate_seid());
  const auto v4 = ue_v4(n);
  const auto v6 = *IpPrefix::parse(fmt::format("fd45:0:{:x}:{:x}::/64", n >> 16, n & 0xffff));
  const Teid teid = must(sessions->allocate_teid());

  Pdr uplink;
  uplink.id = PdrId(1);
  uplink.precedence = 100;
  uplink.source = Interface::kAccess;
  uplink.f_teid = LocalFTeid{teid, *Ipv4Address::parse("192.168.3.1"), {}};
  uplink.ue = UeAddress{v4, v6};
  uplink.remove_outer_header = true;
  uplink.far = FarId(1);
  Pdr downlink;
  downlink.id = PdrId(2);
  downlink.precedence = 100;
  downlink.source = Interface::kCore;
  downlink.ue = UeAddress{v4, v6};
  downlink.far = FarId(2);
  downlink.qers = {QerId(1)};
  spec.pdrs = {{uplink.id, uplink}, {downlink.id, downlink}};
  spec.fars[FarId(1)] = {.id = FarId(1),
                         .forward = true,
                         .destination = Interface::kCore,
                         .network_instance = {},
                         .outer_header = {}};
  spec.fars[FarId(2)] = {
      .id = FarId(2),
      .forward = true,
      .destination = Interface::kAccess,
      .network_instance = {},
      .outer_header = OuterHeader{Teid(0x1000U + n), *IpAddress::parse("192.168.3.2")}};
  spec.qers[QerId(1)] = {.id = QerId(1), .uplink_open = true, .downlink_open = true, .qfi = Qfi(9)};
  return spec;
}

Teid TestSite::add_ue(uint32_t n) {
  const auto spec = ue_session(n);
  if (auto done = sessions->install(spec); !done) {
    throw std::runtime_error(done.error().to_string());
  }
  answer(kN3, "192.168.3.2", kGnbMac);
  return spec.pdrs.at(PdrId(1)).f_teid->teid;
}

void TestSite::set_rules(const std::vector<std::string>& traffic_rules,
                         const std::vector<std::string>& dns_rules) {
  mp2::Replace replace;
  replace.version = {"test", ++generation};
  uint64_t order = 0;
  for (const auto& text : traffic_rules) {
    auto rule = must(traffic_rules::traffic_rule_from_json(nlohmann::json::parse(text)));
    replace.rules.push_back({"app/" + rule.traffic_rule_id, "app", ++order, std::move(rule)});
  }
  for (const auto& text : dns_rules) {
    auto rule = must(traffic_rules::dns_rule_from_json(nlohmann::json::parse(text)));
    replace.dns.push_back({"app/" + rule.dns_rule_id, "app", ++order, std::move(rule)});
  }
  if (const auto applied = steering->apply(std::move(replace)); !applied) {
    throw std::runtime_error(applied.error().reason);
  }
}

mp2::RuleStatus TestSite::rule_status(const std::string& id) const {
  const auto status = steering->status();
  for (const auto* list : {&status.rules, &status.dns}) {
    for (const auto& rule : *list) {
      if (rule.key == "app/" + id) return rule;
    }
  }
  throw std::runtime_error("no rule " + id);
}

void TestSite::answer(PortIndex port, const std::string& address, const std::string& mac) {
  neighbours->flush();
  neighbours->learn(port, make_answer(*IpAddress::parse(address), *MacAddress::parse(mac)));
  if (neighbours->take_changes()) steering->refresh();
}

void TestSite::pass(std::chrono::milliseconds time) {
  for (auto passed = std::chrono::milliseconds(0); passed < time; passed += Neighbours::kTick) {
    clock.advance(Neighbours::kTick);
    neighbours->tick();
    for (const auto& [where, mac] : alive) answer(where.first, where.second, mac);
    if (neighbours->take_changes()) steering->refresh();
    if (learner) learner->tick();
    sessions->retry_releases();
    exceptions->tick();
  }
}

}  // namespace sluice::upf::testing
