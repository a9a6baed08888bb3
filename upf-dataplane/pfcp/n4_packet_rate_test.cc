// Packet rates over N4: what the user plane is given, and what is left of them in responses.
#include <gtest/gtest.h>

#include "upf-dataplane/pfcp/n4_test_support.h"
#include "upf-dataplane/pfcp/packet_rate_values.h"

namespace sluice::upf::pfcp::testing {
namespace {

constexpr QerId kQer(3);
const PacketRates kRates{.uplink = PacketRate{.packets = 10, .time = std::chrono::minutes(6)},
                         .downlink = PacketRate{.packets = 500, .time = std::chrono::hours(24)}};
const PacketRateLeft kLeft{.uplink = 7, .downlink = 400, .until = N4Bench::kStarted};

class N4PacketRate : public ::testing::Test {
 protected:
  static uint64_t establish(N4Bench& bench, Ies elements) {
    bench.associate();
    Ies rules = plain_rules();
    rules.push_back(create_qer(kQer.value(), std::move(elements)));
    const auto response = bench.establish(rules);
    EXPECT_EQ(outcome_of(response), Outcome{Cause::kRequestAccepted});
    return read<FSeid>(response.ies)->value().seid;
  }
  uint64_t establish(Ies elements) { return establish(bench, std::move(elements)); }
  const Qer& qer() { return bench.installer.sessions().begin()->second.qers.at(kQer); }

  N4Bench bench;
};

TEST_F(N4PacketRate, is_given_to_the_user_plane_with_what_is_left) {
  const uint64_t seid = establish({ie(PacketRateValue{kRates}), ie(PacketRateStatus{kLeft})});
  EXPECT_EQ(qer().packet_rates, kRates);
  EXPECT_EQ(qer().packets_left, kLeft);
  EXPECT_FALSE(qer().reports_packets_left);
  const PacketRates less{.downlink = PacketRate{.packets = 1, .time = std::chrono::minutes(1)}};
  bench.modify(seid, {group(IeType::kUpdateQer, {ie(kQer), ie(PacketRateValue{less})})});
  EXPECT_EQ(qer().packet_rates, less);
}

TEST_F(N4PacketRate, is_told_when_the_session_ends_if_it_is_wanted) {
  for (const bool wanted : {false, true}) {
    N4Bench other;
    const uint8_t flags = wanted ? QerControlIndications::kRateStatusReport : 0;
    const uint64_t seid =
        establish(other, {ie(PacketRateValue{kRates}), ie(QerControlIndications{flags})});
    other.installer.left[{Seid(seid), kQer}] = kLeft;
    const auto response = other.send(MessageType::kSessionDeletionRequest, {}, seid).value();
    const Ie* report = find(response.ies, IeType::kPacketRateStatusReportSessionDeletionResponse);
    ASSERT_EQ(report != nullptr, wanted);
    if (!wanted) continue;
    EXPECT_EQ(read<QerId>(report->children)->value(), kQer);
    EXPECT_EQ(read<PacketRateStatus>(report->children)->value().left, kLeft);
  }
}

TEST_F(N4PacketRate, is_told_when_it_is_asked_for) {
  const uint64_t seid = establish({ie(PacketRateValue{kRates})});
  bench.installer.left[{Seid(seid), kQer}] = kLeft;
  const auto query = [](uint32_t id) {
    return group(IeType::kQueryPacketRateStatus, {ie(QerId(id))});
  };
  const auto response = bench.modify(seid, {query(kQer.value())});
  const Ie* report = find(response.ies, IeType::kPacketRateStatusReportSessionModificationResponse);
  ASSERT_NE(report, nullptr);
  EXPECT_EQ(read<PacketRateStatus>(report->children)->value().left, kLeft);
  EXPECT_EQ(outcome_of(bench.modify(seid, {query(77)})),
            (Outcome{Cause::kRuleCreationOrModificationFailure, IeType::kQerId,
                     FailedRuleId{RuleType::kQer, 77}}));
}

TEST_F(N4PacketRate, is_refused_where_it_cannot_be_enforced) {
  bench.associate();
  const Outcome unsupported_rate{Cause::kServiceNotSupported, IeType::kPacketRate,
                                 FailedRuleId{RuleType::kQer, 3}};
  const auto outcome = [&](IeType type, std::vector<uint8_t> value) {
    Ies rules = plain_rules();
    rules.push_back(create_qer(3, {{.type = type, .value = std::move(value)}}));
    return outcome_of(bench.establish(rules));
  };
  EXPECT_EQ(outcome(IeType::kPacketRate, {5, 0, 0, 9, 0, 0, 9}), unsupported_rate)
      << "additional packets for exception reports";
  EXPECT_EQ(outcome(IeType::kPacketRate, {1, 0, 0}).cause, Cause::kInvalidLength);
  EXPECT_EQ(outcome(IeType::kPacketRate, {0}).cause, Cause::kMandatoryIeIncorrect);
  EXPECT_EQ(outcome(IeType::kQerControlIndications, {2}).cause, Cause::kServiceNotSupported);
  EXPECT_EQ(outcome(IeType::kPacketRateStatus, {1}).cause, Cause::kInvalidLength);
  EXPECT_TRUE(bench.installer.sessions().empty());
}

}  // namespace
}  // namespace sluice::upf::pfcp::testing
