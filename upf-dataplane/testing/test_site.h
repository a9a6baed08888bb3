// A whole user plane without DPDK, for packet-in/packet-out tests: one pipeline, three ports and
// the control thread's parts, driven by hand.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "upf-dataplane/control/config.h"
#include "upf-dataplane/control/exceptions.h"
#include "upf-dataplane/control/heap_copies.h"
#include "upf-dataplane/control/neighbours.h"
#include "upf-dataplane/control/session_manager.h"
#include "upf-dataplane/control/steering_manager.h"
#include "upf-dataplane/control/tunnel_learner.h"
#include "upf-dataplane/worker/pipeline.h"

namespace sluice::upf::testing {

inline constexpr auto kOwnMac = "02:00:00:00:00:01";      // of all ports
inline constexpr auto kGnbMac = "02:00:00:00:00:03";      // 192.168.3.2, fd03::2
inline constexpr auto kGatewayMac = "02:00:00:00:00:06";  // 192.168.6.2, fd06::2
inline constexpr auto kAppMac = "02:00:00:00:00:0a";      // 10.60.0.10, fd60::10

inline constexpr PortIndex kN3 = 0;   // 192.168.3.1/24, fd03::1/64
inline constexpr PortIndex kN6 = 1;   // 192.168.6.1/24, fd06::1/64, gateways .2
inline constexpr PortIndex kLdn = 2;  // 10.60.0.1/24, fd60::1/64

std::array<MacAddress, 3> own_macs();  // kOwnMac for every port

// What came of one frame.
struct Outcome {
  Verdict verdict = Verdict::kPending;
  PortIndex out_port = 0;
  DropReason drop = DropReason::kMalformedFrame;
  std::vector<uint8_t> frame;
  bool guaranteed = false;
};

class TestSite final : public FrameSender {
 public:
  // `capacity` bounds sessions, rules and neighbours; `macs` are the ports' own.
  explicit TestSite(size_t capacity = 64, const std::array<MacAddress, 3>& macs = own_macs(),
                    UpfMode mode = UpfMode::kUpf);
  // In the mode inline kN3 is the wire's end towards the base stations and kN6 the core's.
  explicit TestSite(UpfMode mode) : TestSite(64, own_macs(), mode) {}
  ~TestSite() override;

  // One frame through the pipeline.
  Outcome run(PortIndex in_port, const std::vector<uint8_t>& frame);
  // Several as one burst; `tailroom` is what the buffers have behind the frames.
  std::vector<Outcome> run(PortIndex in_port, const std::vector<std::vector<uint8_t>>& frames,
                           uint16_t headroom = 128, uint16_t tailroom = 512);

  // UE number n: 10.45.0.0 + n and fd45:0:0:<n>::/64 (n < 65536; further ones continue in 11.0.0.0
  // + n and fd45:0:1::), uplink TEID returned, downlink to the gNB's TEID 0x1000 + n with QFI 9.
  static Ipv4Address ue_v4(uint32_t n) {
    return Ipv4Address((n < 65536 ? 0x0a2d0000U : 0x0b000000U) + n);
  }
  SessionSpec ue_session(uint32_t n);
  Teid add_ue(uint32_t n);

  // A rule as Mp2 would bring it, from MEC 011 JSON.
  void set_rules(const std::vector<std::string>& traffic_rules,
                 const std::vector<std::string>& dns_rules = {});
  mp2::RuleStatus rule_status(const std::string& id) const;

  // Lets a neighbour answer, and lets time pass.
  void answer(PortIndex port, const std::string& address, const std::string& mac);
  void pass(std::chrono::milliseconds time);  // in steps of the neighbours' tick
  void grace_period() { reclaimer.grace_period(); }

  // A frame that a session buffers.
  void hold(uint32_t slot, uint16_t pdr, PortIndex port, std::span<const uint8_t> frame,
            const FragmentPorts* ports = nullptr);

  // FrameSender: what the control thread sent.
  bool send(PortIndex port, const Frame& frame) override {
    sent.emplace_back(port, frame);
    return true;
  }

  uint64_t ticks() const { return static_cast<uint64_t>(clock.now().time_since_epoch().count()); }

  ManualClock clock;
  static constexpr BufferLimits buffer_limits{
      .packets = 12, .bytes = 100'000, .packets_per_session = 8, .bytes_per_session = 50'000};
  std::vector<std::pair<Seid, PdrId>> held;  // what workers handed over to be buffered
  std::vector<uint32_t> told;                // slots that workers called the control thread for
  ManualReclaimer reclaimer;
  std::vector<std::pair<PortIndex, Frame>> sent;
  CounterBank counters;
  SharedState shared;
  std::unique_ptr<Neighbours> neighbours;
  std::unique_ptr<ControlPipeline> control_pipeline;
  std::unique_ptr<PacketBuffer> buffer;
  std::unique_ptr<SessionManager> sessions;
  std::unique_ptr<SteeringManager> steering;
  std::unique_ptr<TunnelLearner> learner;  // of the mode inline
  HeapCopies copy_room{32};
  std::vector<Outcome> copies;  // that the last run() made
  std::unique_ptr<Exceptions> exceptions;
  std::unique_ptr<Pipeline> pipeline;
  std::vector<std::pair<PortIndex, Frame>> signalling;  // GTP-U messages for the control thread
  uint64_t generation = 0;
  // Neighbours that answer every probe while time passes.
  std::map<std::pair<PortIndex, std::string>, std::string> alive;
};

}  // namespace sluice::upf::testing
