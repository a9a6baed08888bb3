#include "bench/upf_load.h"

#include <algorithm>
#include <array>
#include <random>

#include "upf-dataplane/testing/frame_builder.h"

namespace sluice::upf {
namespace {

constexpr auto kServer = "203.0.113.10";

// Rules as an edge site has them: one server address and port each, or with several shapes also
// networks of several sizes. The users' traffic meets the last one, so that nothing is won by
// order.
std::vector<std::string> make_rules(uint32_t count, uint32_t shapes) {
  std::vector<std::string> rules;
  for (uint32_t i = 0; i < count; ++i) {
    const bool ours = i + 1 == count;
    const uint32_t prefix = ours ? 32 : 32 - i % shapes;
    const uint32_t network = (0xcb000000U + i * 7) & ~((1U << (32 - prefix)) - 1);
    const auto address = ours ? std::string(kServer) : Ipv4Address(network).to_string();
    rules.push_back(fmt::format(
        R"({{"trafficRuleId": "r{}", "filterType": "FLOW", "priority": {},
             "trafficFilter": [{{"dstAddress": ["{}/{}"], "dstPort": ["{}"], "protocol": ["UDP"]}}],
             "action": "FORWARD_DECAPSULATED", "state": "ACTIVE",
             "dstInterface": {{"interfaceType": "MAC", "dstMacAddress": "02-00-00-00-00-0a"}}}})",
        i, i % 200, address, prefix, ours ? 80 : 1000 + i % 5000));
  }
  return rules;
}

std::vector<std::string> make_dns_rules(uint32_t count) {
  std::vector<std::string> rules;
  for (uint32_t i = 0; i < count; ++i) {
    const bool is_v6 = i % 2 == 1;
    rules.push_back(fmt::format(
        R"({{"dnsRuleId": "d{}", "domainName": "app{}.edge.example", "ipAddressType": "{}",
             "ipAddress": "{}", "ttl": 60, "state": "ACTIVE"}})",
        i, i / 2, is_v6 ? "IP_V6" : "IP_V4", is_v6 ? "fd60::10" : "10.60.0.10"));
  }
  return rules;
}

// What resolvers of users' devices ask: both families, with and without EDNS, in mixed case, and a
// type that has no address.
std::vector<uint8_t> make_query(uint32_t ue, uint32_t names) {
  constexpr uint16_t kA = 1;
  constexpr uint16_t kAaaa = 28;
  constexpr uint16_t kHttps = 65;
  constexpr std::array kTypes = {kA, kAaaa, kA, kHttps};
  const auto name = fmt::format("{}{}.edge.example", ue % 3 == 0 ? "ApP" : "app", ue % names);
  return testing::dns_query(static_cast<uint16_t>(ue), name, kTypes[ue % kTypes.size()],
                            ue % 2 == 0);
}

std::vector<uint8_t> make_frame(const LoadOptions& options, uint32_t ue, Teid teid) {
  using testing::eth;
  const auto user = testing::TestSite::ue_v4(ue).to_string();
  const auto payload = options.dns ? make_query(ue, std::max(1U, options.rules / 2))
                                   : std::vector<uint8_t>(options.inner_bytes - 28);
  if (options.downlink) {
    return eth(options.mac, testing::kGatewayMac)
        .ipv4(kServer, user)
        .udp(443, 4000)
        .payload(payload)
        .frame();
  }
  return eth(options.mac, testing::kGnbMac)
      .ipv4("192.168.3.2", "192.168.3.1")
      .udp(2152, 2152)
      .gtpu(teid.value(), 9)
      .ipv4(user, kServer)
      .udp(4000, options.dns ? 53 : options.server_port)
      .payload(payload)
      .frame();
}

// Shows a site in the wire both tunnels of a user.
void meet(testing::TestSite& site, uint32_t ue, const std::vector<uint8_t>& uplink) {
  using testing::eth;
  site.run(testing::kN3, uplink);
  site.run(testing::kN6, eth(testing::kGnbMac, testing::kGatewayMac)
                             .ipv4("192.168.3.1", "192.168.3.2")
                             .udp(2152, 2152)
                             .gtpu(0x1000 + ue, 9, false)
                             .ipv4(kServer, testing::TestSite::ue_v4(ue).to_string())
                             .udp(443, 4000)
                             .frame());
}

}  // namespace

Load::Load(LoadOptions options)
    : options_(std::move(options)),
      mac_(*MacAddress::parse(options_.mac)),
      site(std::max(options_.sessions, options_.rules) + 16, {mac_, mac_, mac_},
           options_.is_inline ? UpfMode::kInline : UpfMode::kUpf) {
  session_bytes_ = site.shared.sessions.bytes();
  for (uint32_t ue = 1; ue <= options_.sessions; ++ue) {
    if (options_.is_inline) {
      frames_.push_back(make_frame(options_, ue, Teid(0x20'0000 + ue)));
      meet(site, ue, frames_.back());
      continue;
    }
    const Teid teid = site.add_ue(ue);
    session_bytes_ +=
        site.shared.sessions.find_teid(teid.value())->bytes() + sizeof(SessionCounters);
    frames_.push_back(make_frame(options_, ue, teid));
  }
  // Users do not send in the order in which they came.
  std::ranges::shuffle(frames_, std::mt19937(1));
  if (options_.dns) {
    site.set_rules({}, make_dns_rules(options_.rules));
    // Names are answered while the app is there.
    site.answer(testing::kLdn, "10.60.0.10", testing::kAppMac);
    site.answer(testing::kLdn, "fd60::10", testing::kAppMac);
  } else {
    site.set_rules(make_rules(options_.rules, options_.rule_shapes));
  }
  site.grace_period();
}

double Load::bytes_per_session() const {
  return static_cast<double>(session_bytes_) / options_.sessions;
}

}  // namespace sluice::upf
