// What becomes of a tunnel that its far end does not know.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "upf-dataplane/pfcp/n4_test_support.h"

namespace sluice::upf::pfcp::testing {
namespace {

using ::testing::IsEmpty;

const OuterHeader kTunnel{Teid(0x500), kGnb};

std::vector<Message> reports(N4Bench& bench) {
  std::vector<Message> messages;
  for (const auto& datagram : bench.n4.advance()) {
    auto message = decode(datagram.bytes).value().message;
    if (message.header.type == MessageType::kSessionReportRequest) {
      messages.push_back(std::move(message));
    }
  }
  return messages;
}

bool is_closed(const N4Bench& bench) {
  return bench.installer.sessions().begin()->second.fars.at(FarId(2)).peer_unknown;
}

TEST(N4ErrorIndication, the_tunnel_is_closed_and_reported_once) {
  N4Bench bench;
  bench.associate();
  const Seid seid(bench.plain_session());
  bench.n4.tunnel_unknown(seid, kTunnel);
  bench.n4.tunnel_unknown(seid, kTunnel);
  EXPECT_TRUE(is_closed(bench));
  const auto sent = reports(bench);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].header.seid, kSmfSeid);
  EXPECT_EQ(read<ReportType>(sent[0].ies)->value().types, ReportType::kErrorIndication);
  const Ie* report = find(sent[0].ies, IeType::kErrorIndicationReport);
  ASSERT_NE(report, nullptr);
  EXPECT_EQ(read<FTeid>(report->children)->value(), (FTeid{.teid = Teid(0x500), .v4 = kGnb}));
}

TEST(N4ErrorIndication, others_tunnels_and_gone_sessions_are_no_matter) {
  N4Bench bench;
  bench.associate();
  const Seid seid(bench.plain_session());
  bench.n4.tunnel_unknown(seid, {Teid(0x501), kGnb});
  bench.n4.tunnel_unknown(seid, {Teid(0x500), kN3Address6});
  bench.n4.tunnel_unknown(Seid(seid.value() + 1), kTunnel);
  EXPECT_FALSE(is_closed(bench));
  EXPECT_THAT(reports(bench), IsEmpty());
}

TEST(N4ErrorIndication, a_far_that_the_smf_changes_is_used_again) {
  for (const bool same_tunnel : {false, true}) {
    N4Bench bench;
    bench.associate();
    const uint64_t seid = bench.plain_session();
    bench.n4.tunnel_unknown(Seid(seid), kTunnel);
    EXPECT_EQ(reports(bench).size(), 1U);
    const Teid teid(same_tunnel ? 0x500 : 0x600);
    bench.modify(seid,
                 {group(IeType::kUpdateFar,
                        {ie(FarId(2)), group(IeType::kUpdateForwardingParameters,
                                             {ie(OuterHeaderCreation::gtp_u(teid, kGnb))})})});
    EXPECT_FALSE(is_closed(bench));
    bench.n4.tunnel_unknown(Seid(seid), {teid, kGnb});
    EXPECT_TRUE(is_closed(bench)) << "and told anew";
  }
}

TEST(N4ErrorIndication, what_the_user_plane_does_not_take_over_is_not_reported) {
  N4Bench bench;
  bench.associate();
  const Seid seid(bench.plain_session());
  bench.installer.fail_next = Error{ErrorCode::kResourceExhausted, "full", ""};
  bench.n4.tunnel_unknown(seid, kTunnel);
  EXPECT_THAT(reports(bench), IsEmpty());
  bench.n4.tunnel_unknown(seid, kTunnel);
  EXPECT_EQ(reports(bench).size(), 1U);
}

}  // namespace
}  // namespace sluice::upf::pfcp::testing
