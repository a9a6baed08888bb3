// Any frames on any port of a site with a session, rules and names: every frame gets a verdict,
// what is sent lies within its buffer and its port's MTU, and a drop has a reason. The same frames
// go to a site in the wire: what stays on it is untouched.
//
// The input is a sequence of frames, each after its port (one byte) and its length in two bytes,
// big-endian. The first four bytes of a frame that read 0xffffffff stand for the uplink tunnel of
// the plain session, 0xfffffffe to 0xfffffffc for those of sessions that are redirected to
// addresses or a URL, or lead into a tunnel of UDP.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "upf-dataplane/testing/test_site.h"

using namespace sluice;
using namespace sluice::upf;

namespace {

constexpr size_t kMaxFrame = 2000;

constexpr auto kMac = R"({"interfaceType": "MAC", "dstMacAddress": "02-00-00-00-00-0a"})";
constexpr auto kGre = R"({"interfaceType": "TUNNEL", "tunnelInfo": {"tunnelType": "GRE",
    "tunnelDstAddress": "10.60.0.10", "tunnelSpecificData": {"key": 77}}})";
constexpr auto kGtp = R"({"interfaceType": "TUNNEL", "tunnelInfo": {"tunnelType": "GTP_U",
    "tunnelDstAddress": "10.60.0.10", "tunnelSpecificData": {"teid": 7, "qfi": 1}}})";

std::string branch(const char* id, const char* port, const char* action, const std::string& to) {
  return fmt::format(R"({{"trafficRuleId": "{}", "filterType": "FLOW", "priority": 9,
      "trafficFilter": [{{"dstPort": ["{}"]}}], "action": "{}", "dstInterface": {},
      "state": "ACTIVE"}})",
                     id, port, action, to);
}

struct Site {
  upf::testing::TestSite site;
  std::array<Teid, 4> teids;
  const bool is_inline;

  // UE n with another FAR of the uplink.
  Teid add(uint32_t n, const std::function<void(SessionSpec&)>& change) {
    SessionSpec spec = site.ue_session(n);
    change(spec);
    if (!site.sessions->install(spec)) std::abort();
    return spec.pdrs.at(PdrId(1)).f_teid->teid;
  }
  void add_sessions() {
    teids[0] = site.add_ue(2);
    teids[1] = add(3, [](SessionSpec& spec) {
      spec.fars.at(FarId(1)).redirect = Redirect{.v4 = *Ipv4Address::parse("203.0.113.9"),
                                                 .v6 = *Ipv6Address::parse("2001:db8::9")};
    });
    teids[2] = add(4, [](SessionSpec& spec) {
      spec.fars.at(FarId(1)).redirect = Redirect{.url = "http://portal.example/"};
    });
    teids[3] = add(5, [](SessionSpec& spec) {
      spec.fars.at(FarId(1)).outer_header =
          OuterHeader{Teid(), *IpAddress::parse("192.168.6.9"), uint16_t{4789}};
      spec.pdrs.at(PdrId(2)).remove_udp_header = true;
    });
    site.answer(upf::testing::kN6, "192.168.6.9", "02:00:00:00:00:19");
  }

  explicit Site(UpfMode mode) : site(mode), is_inline(mode == UpfMode::kInline) {
    if (is_inline) {
      teids.fill(Teid(0x20002));
    } else {
      add_sessions();
    }
    site.set_rules({R"({"trafficRuleId": "to-app", "filterType": "FLOW", "priority": 9,
             "trafficFilter": [{"dstAddress": ["203.0.113.0/24"], "dstPort": ["80-443"]}],
             "action": "FORWARD_DECAPSULATED", "state": "ACTIVE",
             "dstInterface": {"interfaceType": "MAC", "dstMacAddress": "02-00-00-00-00-0a"}})",
                    R"({"trafficRuleId": "drop", "filterType": "PACKET", "priority": 1,
             "trafficFilter": [{"dSCP": 46}, {"qCI": 5, "protocol": ["UDP"]}],
             "action": "DROP", "state": "ACTIVE"})",
                    branch("gre", "5001", "FORWARD_DECAPSULATED", kGre),
                    branch("gtp", "5002", "FORWARD_ENCAPSULATED", kGtp),
                    branch("tap", "5003", "DUPLICATE_DECAPSULATED",
                           std::string("[") + kMac + ", " + kGre + "]"),
                    branch("all", "5004", "DUPLICATE_ENCAPSULATED",
                           std::string("[") + kGtp + ", " + kMac + "]"),
                    R"({"trafficRuleId": "cell", "filterType": "FLOW", "priority": 2,
             "trafficFilter": [{"srcTunnelAddress": ["192.168.3.3"]}],
             "action": "DROP", "state": "ACTIVE"})"},
                   {R"({"dnsRuleId": "a", "domainName": "*.video.example", "ipAddressType": "IP_V4",
             "ipAddress": "203.0.113.10", "state": "ACTIVE"})"});
    site.answer(upf::testing::kLdn, "10.60.0.10", upf::testing::kAppMac);
  }
};

void check(bool condition) {
  if (!condition) std::abort();
}

constexpr size_t kHeadroom = 128;
constexpr size_t kTailroom = 512;

void try_frame(Site& at, PortIndex port, std::vector<uint8_t> frame) {
  // A fuzzer does not guess tunnel ids.
  for (size_t i = 0; i + 4 <= frame.size(); ++i) {
    if (std::memcmp(&frame[i], "\xff\xff\xff", 3) != 0 || frame[i + 3] < 0xfc) continue;
    const Be32 real(at.teids[0xffU - frame[i + 3]].value());
    std::memcpy(&frame[i], &real, 4);
    break;
  }
  upf::testing::TestSite& site = at.site;
  const auto outcome = site.run(port, {frame}, kHeadroom, kTailroom).front();
  check(outcome.verdict != Verdict::kPending);
  if (outcome.verdict == Verdict::kDrop) {
    check(outcome.drop < DropReason::kCount);
  } else {
    check(outcome.frame.size() >= 14 &&
          outcome.frame.size() <= frame.size() + kHeadroom + kTailroom);
    check(outcome.out_port < 3);
  }
  const bool is_on_wire = at.is_inline && port != upf::testing::kLdn;
  if (is_on_wire && outcome.verdict == Verdict::kSend && outcome.out_port == 1 - port) {
    check(outcome.frame == frame);
  }
  for (const auto& copy : site.copies) {
    check(copy.verdict == Verdict::kDrop || copy.verdict == Verdict::kSend);
    check(copy.verdict == Verdict::kDrop || copy.out_port < 3);
  }
  // What workers hand over goes to the control thread's parsers.
  if (outcome.verdict == Verdict::kPuntLearn) site.neighbours->learn(port, outcome.frame);
  if (outcome.verdict == Verdict::kPuntResolve) {
    site.neighbours->resolve_and_send(outcome.out_port, outcome.frame);
  }
  site.sent.clear();
  site.reclaimer.grace_period();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // They end with the program: what sessions own is not seen from outside of their mapped memory,
  // and would be taken for leaked.
  static Site site(UpfMode::kUpf);
  static Site wire(UpfMode::kInline);
  while (size >= 3) {
    const auto port = static_cast<PortIndex>(data[0] % 3);
    const size_t length = std::min<size_t>({size_t{data[1]} << 8 | data[2], size - 3, kMaxFrame});
    const std::vector<uint8_t> frame(data + 3, data + 3 + length);
    data += 3 + length;
    size -= 3 + length;
    try_frame(site, port, frame);
    try_frame(wire, port, frame);
  }
  return 0;
}
