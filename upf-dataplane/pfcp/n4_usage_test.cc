// Usage reports over N4: in reports of their own, until they are answered, and in responses.
#include <gtest/gtest.h>

#include "upf-dataplane/pfcp/n4_test_support.h"
#include "upf-dataplane/pfcp/report_sender.h"

namespace sluice::upf::pfcp::testing {
namespace {

using T = ReportingTriggers;
using R = UsageReportTrigger;

constexpr UrrId kUrr(4);

class N4Usage : public ::testing::Test {
 protected:
  // A session whose PDRs have URR 4, and perhaps others.
  void establish(const Ie& urr, Ies more = {}) {
    bench.associate();
    Ies rules = plain_rules();
    rules[0].children.push_back(ie(kUrr));
    rules[1].children.push_back(ie(kUrr));
    rules.push_back(urr);
    rules.insert(rules.end(), more.begin(), more.end());
    const auto response = bench.establish(rules);
    ASSERT_EQ(outcome_of(response), Outcome{Cause::kRequestAccepted});
    seid = read<FSeid>(response.ies)->value().seid;
  }
  void use(uint64_t up, uint64_t down, UrrId urr = kUrr) {
    UsageCount& count = bench.installer.counts[{Seid(seid), urr}];
    count.totals.uplink_bytes += up;
    count.totals.downlink_bytes += down;
    count.totals.uplink_packets += up > 0 ? 1 : 0;
    count.totals.downlink_packets += down > 0 ? 1 : 0;
    count.last_packet = bench.clock.now();
  }
  UsageLimits limits(UrrId urr = kUrr) { return bench.installer.limits[{Seid(seid), urr}]; }
  // The reports that are sent now.
  std::vector<Message> sent() {
    std::vector<Message> messages;
    for (const auto& datagram : bench.n4.advance()) {
      auto message = decode(datagram.bytes).value().message;
      if (message.header.type != MessageType::kSessionReportRequest) continue;
      EXPECT_EQ(datagram.to, (Peer{kSmfAddress, kPort}));
      EXPECT_EQ(message.header.seid, kSmfSeid);
      messages.push_back(std::move(message));
    }
    return messages;
  }
  std::vector<Message> after_limit() {
    bench.n4.usage_changed(Seid(seid));
    return sent();
  }
  void answer(const Message& report, Cause cause = Cause::kRequestAccepted) {
    EXPECT_FALSE(
        bench.send(MessageType::kSessionReportResponse, {ie(cause)}, seid, report.header.sequence));
  }
  static uint32_t trigger(const Ie& report) {
    return read<UsageReportTrigger>(report.children)->value().triggers;
  }
  static UsageTotals volume(const Ie& report) {
    return read<VolumeMeasurement>(report.children)->value().totals;
  }

  N4Bench bench;
  uint64_t seid = 0;
};

TEST_F(N4Usage, a_threshold_is_reported_and_repeated_until_it_is_answered) {
  establish(create_urr(4, T::kVolumeThreshold, {ie(VolumeThreshold{{.total = 1000}})}));
  EXPECT_EQ(limits().tell.total, 1000U);
  use(400, 800);
  const auto reports = after_limit();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(read<ReportType>(reports[0].ies)->value().types, ReportType::kUsage);
  const Ie* usage = find(reports[0].ies, IeType::kUsageReportSessionReportRequest);
  ASSERT_NE(usage, nullptr);
  EXPECT_EQ(read<UrrId>(usage->children)->value(), kUrr);
  EXPECT_EQ(read<UrSeqn>(usage->children)->value().value, 0U);
  EXPECT_EQ(trigger(*usage), R::kVolumeThreshold);
  EXPECT_EQ(volume(*usage), (UsageTotals{400, 800, 0, 0}));
  EXPECT_EQ(limits().tell.total, 2200U);

  EXPECT_TRUE(sent().empty()) << "not before T1";
  bench.clock.advance(std::chrono::seconds(3));
  ASSERT_EQ(sent(), reports) << "the same again";
  bench.clock.advance(std::chrono::seconds(3));
  EXPECT_EQ(sent().size(), 1U);
  bench.clock.advance(std::chrono::seconds(3));
  EXPECT_TRUE(sent().empty()) << "N1 attempts; now slower";
  bench.clock.advance(std::chrono::seconds(7));
  EXPECT_EQ(sent().size(), 1U);
  answer(reports[0]);
  bench.clock.advance(std::chrono::seconds(60));
  EXPECT_TRUE(sent().empty());
}

TEST_F(N4Usage, a_response_from_elsewhere_or_to_nothing_is_ignored) {
  establish(create_urr(4, T::kVolumeThreshold, {ie(VolumeThreshold{{.total = 10}})}));
  use(10, 0);
  const auto reports = after_limit();
  ASSERT_EQ(reports.size(), 1U);
  const Peer real = std::exchange(bench.smf, Peer{kGnb, kPort});
  answer(reports[0]);
  bench.smf = real;
  bench.clock.advance(std::chrono::seconds(3));
  EXPECT_EQ(sent().size(), 1U) << "still waiting";
  const auto unexpected = bench.n4.counters().unexpected;
  bench.send(MessageType::kSessionReportResponse, {ie(Cause::kRequestAccepted)}, seid, 0xabcdef);
  EXPECT_EQ(bench.n4.counters().unexpected, unexpected + 1);
}

TEST_F(N4Usage, a_session_that_the_smf_does_not_know_is_removed) {
  establish(create_urr(4, T::kVolumeThreshold, {ie(VolumeThreshold{{.total = 10}})}));
  use(10, 0);
  const auto reports = after_limit();
  ASSERT_EQ(reports.size(), 1U);
  answer(reports[0], Cause::kSessionContextNotFound);
  EXPECT_EQ(bench.n4.session_count(), 0U);
  EXPECT_TRUE(bench.installer.sessions().empty());
}

TEST_F(N4Usage, a_urr_that_a_pdr_names_twice_counts_once) {
  establish(create_urr(4, 0),
            {create_urr(3, 0),
             create_pdr(3, downlink_pdi(), 2, {ie(kUrr), ie(UrrId(3)), ie(kUrr), ie(UrrId(3))})});
  const auto urrs = [&] {
    return bench.installer.sessions().at(Seid(seid)).pdrs.at(PdrId(3)).urrs;
  };
  EXPECT_EQ(urrs(), (std::vector{kUrr, UrrId(3)}));
  const Ie update = group(IeType::kUpdatePdr, {ie(PdrId(3)), ie(UrrId(3)), ie(UrrId(3))});
  EXPECT_EQ(outcome_of(bench.modify(seid, {update})), Outcome{Cause::kRequestAccepted});
  EXPECT_EQ(urrs(), std::vector{UrrId(3)});
}

TEST_F(N4Usage, an_exhausted_quota_stops_traffic_until_the_next_grant) {
  establish(create_urr(4, T::kVolumeQuota, {ie(VolumeQuota{{.total = 1000}})}));
  EXPECT_EQ(limits().stop.total, 1000U);
  use(1000, 0);
  const auto reports = after_limit();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_TRUE(limits().blocked);
  const Ie update = group(IeType::kUpdateUrr, {ie(kUrr), ie(VolumeQuota{{.total = 1000}})});
  EXPECT_EQ(outcome_of(bench.modify(seid, {update})), Outcome{Cause::kRequestAccepted});
  EXPECT_FALSE(limits().blocked);
  EXPECT_EQ(limits().stop.total, 2000U) << "the same number, granted anew";
}

TEST_F(N4Usage, reports_come_by_time_too) {
  establish(create_urr(4, T::kPeriodic, {ie(MeasurementPeriod{60})}));
  EXPECT_EQ(bench.n4.next_deadline(), bench.clock.now() + std::chrono::seconds(10)) << "heartbeat";
  use(5, 0);
  for (int i = 0; i < 2; ++i) {
    bench.clock.advance(std::chrono::seconds(60));
    const auto reports = sent();
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(trigger(*find(reports[0].ies, IeType::kUsageReportSessionReportRequest)),
              R::kPeriodic);
    answer(reports[0]);
  }
}

TEST_F(N4Usage, a_linked_urr_reports_with_the_one_it_is_linked_to) {
  establish(create_urr(4, T::kVolumeThreshold, {ie(VolumeThreshold{{.total = 10}})}),
            {create_urr(5, T::kLinkedUsage, {ie(LinkedUrrId{4})}),
             create_urr(6, T::kLinkedUsage, {ie(LinkedUrrId{7})})});
  use(10, 0);
  use(3, 0, UrrId(5));
  const auto reports = after_limit();
  ASSERT_EQ(reports.size(), 1U);
  std::map<uint32_t, uint32_t> triggers;
  for (const Ie& usage : all(reports[0].ies, IeType::kUsageReportSessionReportRequest)) {
    triggers[read<UrrId>(usage.children)->value().value()] = trigger(usage);
  }
  EXPECT_EQ(triggers,
            (std::map<uint32_t, uint32_t>{{4, R::kVolumeThreshold}, {5, R::kLinkedUsage}}));
}

TEST_F(N4Usage, can_be_asked_for) {
  establish(create_urr(4, 0, {ie(MeasurementInformation{MeasurementInformation::kPackets})}),
            {create_urr(5, 0)});
  use(7, 9);
  const auto one =
      bench.modify(seid, {group(IeType::kQueryUrr, {ie(kUrr)}), ie(QueryUrrReference{77})});
  const Ie* usage = find(one.ies, IeType::kUsageReportSessionModificationResponse);
  ASSERT_NE(usage, nullptr);
  EXPECT_EQ(trigger(*usage), R::kImmediate);
  EXPECT_EQ(volume(*usage), (UsageTotals{7, 9, 1, 1}));
  EXPECT_EQ(read<QueryUrrReference>(usage->children)->value().value, 77U);
  const auto all_urrs = bench.modify(seid, {ie(PfcpSmReqFlags{PfcpSmReqFlags::kQueryAllUrrs})});
  EXPECT_EQ(
      std::ranges::distance(all(all_urrs.ies, IeType::kUsageReportSessionModificationResponse)), 2);
}

TEST_F(N4Usage, a_removed_urr_and_a_deleted_session_say_what_they_used) {
  establish(create_urr(4, 0), {create_urr(5, 0)});
  use(7, 9);
  use(1, 2, UrrId(5));
  const auto response = bench.modify(seid, {group(IeType::kRemoveUrr, {ie(kUrr)})});
  const Ie* usage = find(response.ies, IeType::kUsageReportSessionModificationResponse);
  ASSERT_NE(usage, nullptr);
  EXPECT_EQ(trigger(*usage), R::kTermination);
  EXPECT_EQ(volume(*usage), (UsageTotals{7, 9, 0, 0}));
  EXPECT_TRUE(bench.installer.sessions().begin()->second.pdrs.at(PdrId(1)).urrs.empty());

  const auto deleted = bench.send(MessageType::kSessionDeletionRequest, {}, seid).value();
  usage = find(deleted.ies, IeType::kUsageReportSessionDeletionResponse);
  ASSERT_NE(usage, nullptr);
  EXPECT_EQ(read<UrrId>(usage->children)->value(), UrrId(5));
  EXPECT_EQ(volume(*usage), (UsageTotals{1, 2, 0, 0}));
  bench.clock.advance(std::chrono::hours(1));
  EXPECT_TRUE(sent().empty()) << "nothing is left of it";
}

TEST_F(N4Usage, what_was_reported_before_a_deletion_is_repeated_n1_times) {
  establish(create_urr(4, T::kVolumeThreshold, {ie(VolumeThreshold{{.total = 10}})}));
  use(10, 0);
  const auto reports = after_limit();
  ASSERT_EQ(reports.size(), 1U);
  bench.send(MessageType::kSessionDeletionRequest, {}, seid);
  for (int i = 0; i < 2; ++i) {
    bench.clock.advance(std::chrono::seconds(3));
    EXPECT_EQ(sent(), reports);
  }
  bench.clock.advance(std::chrono::seconds(20));
  EXPECT_TRUE(sent().empty());
  EXPECT_EQ(bench.n4.counters().reports_lost, 1U);
}

TEST(N4UsageLimits, the_oldest_report_makes_room) {
  N4Config config = test_config();
  config.limits.pending_reports = 2;
  const ManualClock clock;
  N4Counters counters;
  SequenceNumbers sequences;
  ReportSender sender(config, clock, sequences, counters);
  const auto send = [&](uint64_t seid) { sender.send(Seid(seid), seid, {kSmfAddress, kPort}, {}); };
  send(1);
  EXPECT_EQ(sender.advance().size(), 1U) << "now due later than what was never sent";
  send(2);
  send(3);
  EXPECT_EQ(counters.reports_lost, 1U);
  std::vector<uint64_t> left;
  for (const auto& out : sender.advance()) {
    left.push_back(*decode(out.bytes).value().message.header.seid);
  }
  EXPECT_EQ(left, (std::vector<uint64_t>{2, 3}));
}

TEST_F(N4Usage, the_two_octets_of_release_15_are_triggers_as_well) {
  Ie urr = create_urr(4, 0, {ie(VolumeThreshold{{.uplink = 10}})});
  for (Ie& child : urr.children) {
    if (child.type == IeType::kReportingTriggers) child.value = {0x02, 0x00};
  }
  establish(urr);
  EXPECT_EQ(limits().tell.uplink, 10U);
}

TEST_F(N4Usage, a_urr_that_is_removed_and_created_at_once_is_another) {
  establish(create_urr(4, T::kVolumeThreshold, {ie(VolumeThreshold{{.total = 1000}})}));
  use(300, 0);
  const auto response =
      bench.modify(seid, {group(IeType::kRemoveUrr, {ie(kUrr)}),
                          create_urr(4, T::kVolumeThreshold, {ie(VolumeThreshold{{.total = 500}})}),
                          group(IeType::kUpdatePdr, {ie(PdrId(1)), ie(kUrr)})});
  ASSERT_EQ(outcome_of(response), Outcome{Cause::kRequestAccepted});
  const Ie* last = find(response.ies, IeType::kUsageReportSessionModificationResponse);
  ASSERT_NE(last, nullptr);
  EXPECT_EQ(trigger(*last), R::kTermination);
  EXPECT_EQ(limits().tell.total, 800U) << "500 from now on";
  use(500, 0);
  const auto reports = after_limit();
  ASSERT_EQ(reports.size(), 1U);
  const Ie* first = find(reports[0].ies, IeType::kUsageReportSessionReportRequest);
  EXPECT_EQ(read<UrSeqn>(first->children)->value().value, 0U);
  EXPECT_EQ(read<VolumeMeasurement>(first->children)->value().totals.uplink_bytes, 500U);
}

}  // namespace
}  // namespace sluice::upf::pfcp::testing
