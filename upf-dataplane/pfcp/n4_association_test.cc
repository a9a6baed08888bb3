// What the UPF tells its SMFs by itself: that it wants to go, how loaded it is, which paths fail.
#include <gtest/gtest.h>

#include "upf-dataplane/pfcp/n4_test_support.h"

namespace sluice::upf::pfcp::testing {
namespace {

using std::chrono::seconds;

const Outcome kAccepted{Cause::kRequestAccepted};

// What is sent now of a type.
std::vector<Message> sent(N4Bench& bench, MessageType type) {
  std::vector<Message> messages;
  for (const auto& datagram : bench.n4.advance()) {
    auto message = decode(datagram.bytes).value().message;
    if (message.header.type == type) messages.push_back(std::move(message));
  }
  return messages;
}

TEST(N4Association, asks_to_be_released_until_it_is_answered) {
  N4Bench bench;
  bench.associate();
  bench.n4.request_release();
  auto requests = sent(bench, MessageType::kAssociationUpdateRequest);
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(read<NodeId>(requests[0].ies)->value().fqdn, "upf.example");
  EXPECT_TRUE(read<PfcpAssociationReleaseRequest>(requests[0].ies)->value().by_us);
  bench.clock.advance(test_config().retransmit_interval);
  const auto repeated = sent(bench, MessageType::kAssociationUpdateRequest);
  ASSERT_EQ(repeated.size(), 1U);
  EXPECT_EQ(repeated[0], requests[0]);
  bench.send(MessageType::kAssociationUpdateResponse, {ie(kSmf), ie(Cause::kRequestAccepted)}, {},
             requests[0].header.sequence);
  bench.clock.advance(seconds(60));
  EXPECT_TRUE(sent(bench, MessageType::kAssociationUpdateRequest).empty());
  EXPECT_EQ(outcome_of(*bench.send(MessageType::kAssociationReleaseRequest, {ie(kSmf)})),
            kAccepted);
  EXPECT_EQ(bench.n4.associations().size(), 0U);
}

TEST(N4Association, gives_a_request_up_after_n1_attempts) {
  N4Bench bench;
  bench.associate();
  bench.n4.request_release();
  size_t attempts = 0;
  for (int i = 0; i < 10; ++i) {
    attempts += sent(bench, MessageType::kAssociationUpdateRequest).size();
    bench.clock.advance(test_config().retransmit_interval);
  }
  EXPECT_EQ(attempts, test_config().retransmit_count);
}

TEST(N4Association, reports_paths_to_smfs_with_sessions) {
  N4Bench bench;
  bench.associate();
  bench.n4.report_path(kGnb, false);
  EXPECT_TRUE(sent(bench, MessageType::kNodeReportRequest).empty());
  bench.plain_session();
  for (const bool works : {false, true}) {
    bench.n4.report_path(kGnb, works);
    const auto reports = sent(bench, MessageType::kNodeReportRequest);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(read<NodeReportType>(reports[0].ies)->value().types,
              works ? NodeReportType::kPathRecovery : NodeReportType::kPathFailure);
    const Ie* report = find(reports[0].ies, works ? IeType::kUserPlanePathRecoveryReport
                                                  : IeType::kUserPlanePathFailureReport);
    ASSERT_NE(report, nullptr);
    EXPECT_EQ(read<RemoteGtpUPeer>(report->children)->value().address, IpAddress(kGnb));
    bench.send(MessageType::kNodeReportResponse, {ie(kSmf), ie(Cause::kRequestAccepted)}, {},
               reports[0].header.sequence);
  }
}

TEST(N4Association, an_update_is_answered_with_our_features_and_changes_theirs) {
  N4Bench bench;
  bench.associate();
  const auto response =
      *bench.send(MessageType::kAssociationUpdateRequest,
                  {ie(kSmf), ie(CpFunctionFeatures{CpFunctionFeatures::kLoadControl})});
  EXPECT_EQ(outcome_of(response), kAccepted);
  EXPECT_TRUE(read<UpFunctionFeatures>(response.ies));
  bench.installer.load_percent = 40;
  const auto established = bench.establish();
  const Ie* load = find(established.ies, IeType::kLoadControlInformation);
  ASSERT_NE(load, nullptr);
  EXPECT_EQ(read<Metric>(load->children)->value().percent, 40);
}

TEST(N4Association, load_is_told_to_those_who_understand_it_when_it_changes) {
  using F = CpFunctionFeatures;
  N4Bench bench;
  bench.associate();
  EXPECT_EQ(find(bench.establish().ies, IeType::kLoadControlInformation), nullptr);
  bench.associate(kSmf, N4Bench::kStarted, {ie(F{F::kLoadControl | F::kOverloadControl})});
  const auto establish = [&](unsigned load) {
    bench.installer.load_percent = load;
    return bench.establish();
  };
  struct {
    unsigned load;
    std::optional<unsigned> told;
    std::optional<unsigned> reduction;
  } const steps[] = {{12, 10, {}}, {14, {}, {}},   {50, 50, {}}, {95, 95, 33},
                     {96, {}, 33}, {100, 100, 50}, {80, 80, 0},  {80, {}, {}}};
  std::optional<uint32_t> last_sequence;
  for (const auto& step : steps) {
    SCOPED_TRACE(step.load);
    const auto response = establish(step.load);
    const auto metric = [&](IeType type) -> std::optional<unsigned> {
      const Ie* group = find(response.ies, type);
      if (group == nullptr) return std::nullopt;
      return read<Metric>(group->children)->value().percent;
    };
    EXPECT_EQ(metric(IeType::kLoadControlInformation), step.told);
    EXPECT_EQ(metric(IeType::kOverloadControlInformation), step.reduction);
    if (const Ie* load = find(response.ies, IeType::kLoadControlInformation)) {
      const auto sequence = read<SequenceNumber>(load->children)->value().value;
      EXPECT_GT(sequence, last_sequence.value_or(0));
      last_sequence = sequence;
    }
  }
}

}  // namespace
}  // namespace sluice::upf::pfcp::testing
