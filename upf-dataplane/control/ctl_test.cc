// The operator's interface: what is asked, why a packet goes where it goes, captures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "upf-dataplane/control/ctl_question.h"
#include "upf-dataplane/control/explainer.h"
#include "upf-dataplane/control/pcapng.h"
#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;
using nlohmann::json;
using ::testing::HasSubstr;

constexpr auto kWebToApp =
    R"({"trafficRuleId": "web", "filterType": "FLOW", "priority": 9, "state": "ACTIVE",
        "trafficFilter": [{"dstPort": ["80"]}], "action": "FORWARD_DECAPSULATED",
        "dstInterface": {"interfaceType": "IP", "dstIpAddress": "10.60.0.10"}})";

class ExplainerTest : public ::testing::Test {
 protected:
  ExplainerTest() : spec(site.ue_session(2)) {
    spec.qers[QerId(1)].mbr = BitRates{8, 8};
    EXPECT_TRUE(site.sessions->install(spec));
    site.answer(kN3, "192.168.3.2", kGnbMac);
    site.answer(kLdn, "10.60.0.10", kAppMac);
  }
  json ask(const json& question) {
    const auto packet = read_packet_question(question, site.neighbours->ports());
    if (!packet) return {{"error", packet.error().to_string()}};
    const auto answer = explainer.explain(*packet);
    return answer ? *answer : json{{"error", answer.error().to_string()}};
  }

  TestSite site;
  SessionSpec spec;
  Explainer explainer{site.shared,
                      *site.sessions,
                      *site.steering,
                      [this](Seid seid) { return seid == spec.seid ? &spec : nullptr; },
                      [this] { return site.ticks(); },
                      64,
                      SteeringManager::counter_slots(64)};
};

TEST_F(ExplainerTest, says_what_decides_a_packet) {
  site.set_rules({kWebToApp});
  site.answer(kLdn, "10.60.0.10", kAppMac);
  const json question = {{"ue", "10.45.0.2"}, {"remote", "198.51.100.7"}, {"remotePort", 80}};
  const json steered = ask(question);
  EXPECT_EQ(steered["verdict"], "sent") << steered;
  EXPECT_EQ(steered["outPort"], "ldn");
  EXPECT_EQ(steered["nextHop"], kAppMac);
  EXPECT_EQ(steered["pdr"]["id"], 1);
  EXPECT_EQ(steered["far"]["action"], "FORW");
  EXPECT_EQ(steered["rule"]["id"], "app/web");
  EXPECT_EQ(steered["session"]["seid"], fmt::format("{:#x}", spec.seid.value()));
  EXPECT_THAT(steered["text"].dump(), HasSubstr("MEC rule app/web: FORWARD"));

  json other = question;
  other["remotePort"] = 81;
  const json normal = ask(other);
  EXPECT_EQ(normal["outPort"], "n6");
  EXPECT_FALSE(normal.contains("rule"));

  json down = question;
  down["direction"] = "downlink";
  down["remotePort"] = 443;
  const json tunnelled = ask(down);
  EXPECT_EQ(tunnelled["pdr"]["id"], 2);
  EXPECT_EQ(tunnelled["far"]["tunnel"]["teid"], "0x1002");
  EXPECT_EQ(tunnelled["outPort"], "n3");
  EXPECT_EQ(tunnelled["rateLimited"], true);
  EXPECT_EQ(ask({{"ue", "10.45.0.9"}, {"remote", "198.51.100.7"}})["error"],
            "ue: no session has 10.45.0.9");
}

TEST_F(ExplainerTest, asking_changes_and_counts_nothing) {
  const json down = {{"ue", "10.45.0.2"}, {"remote", "198.51.100.7"}, {"direction", "downlink"}};
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(ask(down)["verdict"], "sent");
  // The rate of 8 kb/s still has what it had, and nothing was counted.
  EXPECT_EQ(site.run(kN6, eth(kOwnMac, kGatewayMac)
                              .ipv4("198.51.100.7", "10.45.0.2")
                              .udp(1, 2)
                              .payload(std::vector<uint8_t>(900))
                              .frame())
                .verdict,
            Verdict::kSend);
  uint64_t packets = 0;
  site.sessions->each_usage(
      [&](Seid, const SessionUsage& usage) { packets += usage.downlink_packets; });
  EXPECT_EQ(packets, 1U);
}

TEST_F(ExplainerTest, drops_have_reasons_and_whole_frames_are_taken) {
  spec.fars[FarId(1)].forward = false;
  ASSERT_TRUE(site.sessions->install(spec));
  const json dropped = ask({{"ue", "10.45.0.2"}, {"remote", "198.51.100.7"}});
  EXPECT_EQ(dropped["dropReason"], "far_drop");
  EXPECT_THAT(dropped["text"].dump(), HasSubstr("so it is dropped: far_drop"));
  const json stranger = explainer.explain(
      kN6, eth(kOwnMac, kGatewayMac).ipv4("198.51.100.7", "10.45.0.77").udp(1, 2).frame());
  EXPECT_EQ(stranger["dropReason"], "unknown_ue");
  EXPECT_FALSE(stranger.contains("session"));
}

TEST_F(ExplainerTest, mistakes_in_questions_are_named) {
  const std::pair<json, const char*> cases[] = {
      {{{"remote", "1.2.3.4"}}, "ue: is missing"},
      {{{"ue", "x"}, {"remote", "1.2.3.4"}}, "ue: "},
      {{{"ue", "10.45.0.2"}, {"remote", "::1"}}, "remote: is of another family"},
      {{{"ue", "10.45.0.2"}, {"remote", "1.2.3.4"}, {"remotePort", 70000}},
       "remotePort: is not a number from 0 to 65535"},
      {{{"ue", "10.45.0.2"}, {"remote", "1.2.3.4"}, {"port", "n9"}},
       "port: there is no port 'n9', only n3, n6, ldn"},
      {{{"ue", "10.45.0.2"}, {"remote", "1.2.3.4"}, {"port", "n6"}},
       "port: uplink packets do not come by n6"},
      {{{"ue", "10.45.0.2"}, {"remote", "1.2.3.4"}, {"colour", 1}}, "colour: is not known"},
  };
  for (const auto& [question, error] : cases) {
    EXPECT_THAT(ask(question).value("error", ""), HasSubstr(error));
  }
}

TEST(FrameFilter, looks_at_outer_and_inner_packets) {
  const auto tunnelled = eth(kOwnMac, kGnbMac)
                             .ipv4("192.168.3.2", "192.168.3.1")
                             .udp(2152, 2152)
                             .gtpu(0x77, 9)
                             .ipv6("fd45::1", "2001:db8::7")
                             .tcp(4000, 443)
                             .frame();
  struct Case {
    const char* what;
    FrameFilter filter;
    bool matches;
  };
  FrameFilter other_port;
  other_port.ports = 2;
  FrameFilter only_sent;
  only_sent.received = false;
  const Case cases[] = {
      {"everything", {}, true},
      {"another port", other_port, false},
      {"frames that leave", only_sent, false},
      {"the outer address", {.address = *IpPrefix::parse("192.168.3.2/32")}, true},
      {"an inner prefix", {.address = *IpPrefix::parse("fd45::/16")}, true},
      {"another prefix", {.address = *IpPrefix::parse("10.0.0.0/8")}, false},
      {"the tunnel", {.teid = 0x77}, true},
      {"another tunnel", {.teid = 0x78}, false},
      {"the inner protocol", {.protocol = 6}, true},
      {"the inner port", {.l4_port = 443}, true},
      {"another inner port", {.l4_port = 80}, false},
  };
  for (const auto& c : cases) EXPECT_EQ(c.filter.matches(0, true, tunnelled), c.matches) << c.what;
  EXPECT_FALSE((FrameFilter{.teid = 1}).matches(0, true, std::vector<uint8_t>(5)));
}

TEST(Pcapng, blocks_are_whole_words_with_their_length_at_both_ends) {
  const std::vector<uint8_t> frame = {1, 2, 3, 4, 5};
  for (const auto& block : {pcapng_section("x"), pcapng_interface("n3", 2048),
                            pcapng_packet({.length = 5, .bytes = frame}),
                            pcapng_statistics(0, std::chrono::nanoseconds(1), 2, 3)}) {
    ASSERT_EQ(block.size() % 4, 0U);
    uint32_t first, last;
    std::memcpy(&first, block.data() + 4, 4);
    std::memcpy(&last, block.data() + block.size() - 4, 4);
    EXPECT_EQ(first, block.size());
    EXPECT_EQ(last, block.size());
  }
}

TEST(CtlQuestion, captures_are_bounded_and_frames_hexadecimal) {
  std::vector<Port> ports(2);
  ports[0].name = "n3";
  ports[1].name = "n6";
  const auto read = read_capture_question({{"ports", json::array({"n6"})},
                                           {"direction", "received"},
                                           {"packets", 5},
                                           {"address", "10.0.0.0/8"}},
                                          ports);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->filter.ports, 2);
  EXPECT_FALSE(read->filter.sent);
  EXPECT_EQ(read->limits.packets, 5U);
  EXPECT_FALSE(read_capture_question({{"packets", 0}}, ports));
  EXPECT_FALSE(read_capture_question({{"ports", json::array({"n9"})}}, ports));
  EXPECT_FALSE(read_capture_question({{"ports", "n3"}}, ports));
  EXPECT_FALSE(read_capture_question({{"direction", "up"}}, ports));
  EXPECT_EQ(*read_hex("0a:0B 0c"), (std::vector<uint8_t>{10, 11, 12}));
  EXPECT_FALSE(read_hex("0"));
  EXPECT_FALSE(read_hex("zz"));
}

}  // namespace
}  // namespace sluice::upf
