// FARs over N4: what the user plane is given for what the SMF asks.
#include <gtest/gtest.h>

#include "upf-dataplane/pfcp/n4_test_support.h"
#include "upf-dataplane/pfcp/redirect_values.h"

namespace sluice::upf::pfcp::testing {
namespace {

const Ipv4Address kPortal(0xcb007109);  // 203.0.113.9
const Ipv6Address kPortal6 = Ipv6Address::parse("2001:db8::9").value();

class N4Forwarding : public ::testing::Test {
 protected:
  N4Forwarding() { bench.associate(); }
  Far& far(uint32_t id) {
    copy = bench.installer.sessions().begin()->second.fars.at(FarId(id));
    return copy;
  }
  static Ies rules_with(Ie parameter) {
    Ies rules = plain_rules();
    for (Ie& rule : rules) {
      if (rule.type != IeType::kCreateFar) continue;
      rule.children.back().children.push_back(std::move(parameter));
      break;
    }
    return rules;
  }
  static Ie update_far(uint32_t id, Ies parameters) {
    return group(IeType::kUpdateFar, {ie(FarId(id)), group(IeType::kUpdateForwardingParameters,
                                                           std::move(parameters))});
  }

  N4Bench bench;
  Far copy;
};

TEST_F(N4Forwarding, takes_every_kind_of_redirection) {
  for (const auto& redirect :
       {Redirect{.v4 = kPortal}, Redirect{.v6 = kPortal6}, Redirect{.v4 = kPortal, .v6 = kPortal6},
        Redirect{.url = "https://portal.example/?why=quota"}}) {
    N4Bench other;
    other.associate();
    const auto response = other.establish(rules_with(ie(RedirectInformation{redirect})));
    ASSERT_EQ(outcome_of(response).cause, Cause::kRequestAccepted);
    EXPECT_EQ(other.installer.sessions().begin()->second.fars.at(FarId(1)).redirect, redirect);
  }
}

TEST_F(N4Forwarding, takes_the_two_addresses_in_either_order) {
  const std::string v4 = kPortal.to_string();
  const std::string v6 = kPortal6.to_string();
  std::vector<uint8_t> value{4};
  for (const auto& text : {v6, v4}) {
    value.push_back(0);
    value.push_back(static_cast<uint8_t>(text.size()));
    value.insert(value.end(), text.begin(), text.end());
  }
  bench.establish(rules_with({.type = IeType::kRedirectInformation, .value = value}));
  EXPECT_EQ(far(1).redirect, (Redirect{.v4 = kPortal, .v6 = kPortal6}));
}

TEST_F(N4Forwarding, begins_changes_and_ends_a_redirection) {
  const uint64_t seid = bench.plain_session();
  EXPECT_EQ(far(1).redirect, std::nullopt);
  const auto update = [&](Ie information) {
    return outcome_of(bench.modify(seid, {update_far(1, {std::move(information)})})).cause;
  };
  EXPECT_EQ(update(ie(RedirectInformation{{.v4 = kPortal}})), Cause::kRequestAccepted);
  EXPECT_EQ(far(1).redirect, Redirect{.v4 = kPortal});
  EXPECT_EQ(update(ie(RedirectInformation{{.url = "http://a/"}})), Cause::kRequestAccepted);
  EXPECT_EQ(far(1).redirect, Redirect{.url = "http://a/"}) << "the new one takes its place whole";
  EXPECT_EQ(update(ie(TransportLevelMarking{{.tos = 1, .mask = 1}})), Cause::kRequestAccepted);
  EXPECT_TRUE(far(1).redirect) << "what is not mentioned stays";
  const Ie none{.type = IeType::kRedirectInformation};
  EXPECT_EQ(update(none), Cause::kRequestAccepted);
  EXPECT_EQ(far(1).redirect, std::nullopt);
  EXPECT_EQ(update(none), Cause::kInvalidLength) << "there is none to end";
}

TEST_F(N4Forwarding, takes_tunnels_of_udp_both_ways) {
  using H = OuterHeaderCreation;
  Ies rules = rules_with(ie(H{.description = H::kUdpIpv4, .v4 = kPortal, .port = 4789}));
  rules[1].children.push_back(ie(OuterHeaderRemoval{OuterHeaderKind::kUdpIpv4}));
  const auto response = bench.establish(rules);
  ASSERT_EQ(outcome_of(response).cause, Cause::kRequestAccepted);
  EXPECT_EQ(far(1).outer_header, (OuterHeader{Teid(), kPortal, uint16_t{4789}}));
  const Pdr& down = bench.installer.sessions().begin()->second.pdrs.at(PdrId(2));
  EXPECT_TRUE(down.remove_udp_header);
  EXPECT_FALSE(down.remove_outer_header);
  // The far end moves to IPv6. An end marker has nobody to be sent to.
  const uint64_t seid = read<FSeid>(response.ies)->value().seid;
  bench.modify(seid, {update_far(1, {ie(H{.description = H::kUdpIpv6, .v6 = kPortal6, .port = 9}),
                                     ie(PfcpSmReqFlags{PfcpSmReqFlags::kSendEndMarkers})})});
  EXPECT_EQ(far(1).outer_header, (OuterHeader{Teid(), kPortal6, uint16_t{9}}));
  EXPECT_TRUE(bench.installer.end_markers.empty());
}

}  // namespace
}  // namespace sluice::upf::pfcp::testing
