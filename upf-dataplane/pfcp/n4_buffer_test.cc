// Buffering over N4: what a FAR and a BAR ask for, and when the SMF is told that packets wait.
#include <gtest/gtest.h>

#include "upf-dataplane/pfcp/n4_test_support.h"

namespace sluice::upf::pfcp::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint16_t kBufferAndTell = ApplyAction::kBuffer | ApplyAction::kNotifyCp;
const Outcome kAccepted{Cause::kRequestAccepted};

class N4Buffer : public ::testing::Test {
 protected:
  // A session whose downlink buffers, as an idle UE's does.
  void establish(Ies bar = {}, uint16_t action = kBufferAndTell) {
    bench.associate();
    Ies rules = plain_rules();
    rules[3] = group(IeType::kCreateFar, {ie(FarId(2)), ie(ApplyAction{action}), ie(BarId(1))});
    bar.insert(bar.begin(), ie(BarId(1)));
    rules.push_back(group(IeType::kCreateBar, std::move(bar)));
    const auto response = bench.establish(rules);
    ASSERT_EQ(outcome_of(response), kAccepted);
    seid = read<FSeid>(response.ies)->value().seid;
  }
  const SessionSpec& spec() { return bench.installer.sessions().begin()->second; }
  void buffered() { bench.n4.packet_buffered(Seid(seid), PdrId(2)); }
  std::vector<Message> sent() {
    std::vector<Message> messages;
    for (const auto& datagram : bench.n4.advance()) {
      auto message = decode(datagram.bytes).value().message;
      if (message.header.type == MessageType::kSessionReportRequest) {
        messages.push_back(std::move(message));
      }
    }
    return messages;
  }
  void answer(const Message& report, Ies ies = {}) {
    ies.insert(ies.begin(), ie(Cause::kRequestAccepted));
    bench.send(MessageType::kSessionReportResponse, std::move(ies), seid, report.header.sequence);
  }
  static Ie update_far(uint16_t action, Ies parameters = {}) {
    Ies children{ie(FarId(2)), ie(ApplyAction{action})};
    if (!parameters.empty()) {
      children.push_back(group(IeType::kUpdateForwardingParameters, std::move(parameters)));
    }
    return group(IeType::kUpdateFar, std::move(children));
  }

  N4Bench bench;
  uint64_t seid = 0;
};

TEST_F(N4Buffer, is_understood_as_it_was_asked_for) {
  establish({ie(DownlinkDataNotificationDelay{milliseconds(200)}),
             ie(SuggestedBufferingPacketsCount{7})});
  Far far{.id = FarId(2), .buffer = true, .notify = true};
  far.bar = BarId(1);
  EXPECT_EQ(spec().fars.at(FarId(2)), far);
  Bar bar{.id = BarId(1), .notification_delay = milliseconds(200)};
  bar.suggested_packets = 7;
  EXPECT_EQ(spec().bars.at(BarId(1)), bar);
  bench.modify(seid, {group(IeType::kUpdateBarSessionModificationRequest,
                            {ie(BarId(1)), ie(SuggestedBufferingPacketsCount{9})})});
  bar.suggested_packets = 9;
  EXPECT_EQ(spec().bars.at(BarId(1)), bar);
}

TEST_F(N4Buffer, tells_of_the_first_packet_and_not_of_the_next) {
  establish();
  buffered();
  buffered();
  const auto reports = sent();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(read<ReportType>(reports[0].ies)->value().types, ReportType::kDownlinkData);
  const Ie* report = find(reports[0].ies, IeType::kDownlinkDataReport);
  ASSERT_NE(report, nullptr);
  EXPECT_EQ(read<PdrId>(report->children)->value(), PdrId(2));
  answer(reports[0]);
  buffered();
  EXPECT_TRUE(sent().empty());
  // The SMF says once more that it wants to know.
  EXPECT_EQ(outcome_of(bench.modify(seid, {update_far(kBufferAndTell)})), kAccepted);
  buffered();
  EXPECT_EQ(sent().size(), 1U);
}

TEST_F(N4Buffer, waits_with_it_as_long_as_the_bar_says) {
  establish({ie(DownlinkDataNotificationDelay{milliseconds(150)})});
  buffered();
  EXPECT_TRUE(sent().empty());
  EXPECT_EQ(bench.n4.next_deadline(), bench.clock.now() + milliseconds(150));
  bench.clock.advance(milliseconds(150));
  EXPECT_EQ(sent().size(), 1U);
}

TEST_F(N4Buffer, says_nothing_when_the_ue_came_back_meanwhile) {
  establish({ie(DownlinkDataNotificationDelay{milliseconds(150)})});
  buffered();
  EXPECT_EQ(outcome_of(bench.modify(seid, {update_far(ApplyAction::kForward, to_gnb())})),
            kAccepted);
  bench.clock.advance(seconds(1));
  EXPECT_TRUE(sent().empty());
}

TEST_F(N4Buffer, says_nothing_unasked_or_of_what_is_gone) {
  establish({}, ApplyAction::kBuffer);
  buffered();
  EXPECT_TRUE(sent().empty());
  bench.modify(seid, {update_far(kBufferAndTell)});
  buffered();
  bench.modify(seid, {group(IeType::kRemovePdr, {ie(PdrId(2))})});
  EXPECT_TRUE(sent().empty());
  bench.send(MessageType::kSessionDeletionRequest, {}, seid);
  buffered();
  EXPECT_TRUE(sent().empty());
}

TEST_F(N4Buffer, is_dropped_when_the_smf_says_so) {
  establish();
  EXPECT_EQ(outcome_of(bench.modify(seid, {ie(PfcpSmReqFlags{PfcpSmReqFlags::kDropBuffered})})),
            kAccepted);
  EXPECT_EQ(bench.installer.dropped, std::vector{Seid(seid)});
  buffered();
  answer(sent().at(0), {ie(PfcpSrRspFlags{true})});
  EXPECT_EQ(bench.installer.dropped.size(), 2U);
}

TEST_F(N4Buffer, is_kept_when_the_request_that_drops_it_is_rejected) {
  establish();
  bench.installer.fail_next = Error{ErrorCode::kResourceExhausted, "no room", ""};
  const auto response = bench.modify(seid, {ie(PfcpSmReqFlags{PfcpSmReqFlags::kDropBuffered})});
  EXPECT_NE(outcome_of(response), kAccepted);
  EXPECT_TRUE(bench.installer.dropped.empty());
}

TEST_F(N4Buffer, goes_on_as_the_answer_to_the_report_says) {
  establish();
  buffered();
  answer(sent().at(0),
         {group(IeType::kUpdateBarSessionReportResponse,
                {ie(BarId(1)), ie(DownlinkDataNotificationDelay{milliseconds(50)}),
                 ie(DlBufferingDuration{seconds(60)}), ie(SuggestedBufferingPacketsCount{3})})});
  EXPECT_EQ(spec().bars.at(BarId(1)).suggested_packets, 3);
  EXPECT_EQ(spec().bars.at(BarId(1)).notification_delay, milliseconds(50));
  bench.clock.advance(seconds(59));
  sent();
  EXPECT_TRUE(bench.installer.dropped.empty());
  bench.clock.advance(seconds(1));
  sent();
  EXPECT_EQ(bench.installer.dropped, std::vector{Seid(seid)});
}

TEST_F(N4Buffer, a_duration_ends_with_the_buffering_that_it_was_given_for) {
  establish();
  buffered();
  answer(sent().at(0), {group(IeType::kUpdateBarSessionReportResponse,
                              {ie(BarId(1)), ie(DlBufferingDuration{seconds(60)})})});
  bench.modify(seid, {update_far(ApplyAction::kForward, to_gnb())});
  bench.modify(seid, {update_far(kBufferAndTell)});
  bench.clock.advance(seconds(61));
  sent();
  EXPECT_TRUE(bench.installer.dropped.empty());
}

TEST_F(N4Buffer, the_smf_is_told_again_after_a_duration) {
  establish();
  buffered();
  answer(sent().at(0), {group(IeType::kUpdateBarSessionReportResponse,
                              {ie(BarId(1)), ie(DlBufferingDuration{seconds(60)}),
                               ie(DlBufferingSuggestedPacketCount{300})})});
  EXPECT_EQ(spec().bars.at(BarId(1)).suggested_packets, 300);
  bench.clock.advance(seconds(61));
  sent();
  EXPECT_EQ(bench.installer.dropped.size(), 1U);
  buffered();
  EXPECT_EQ(sent().size(), 1U);
}

TEST_F(N4Buffer, a_report_follows_its_session_to_its_new_name) {
  establish();
  buffered();
  const auto first = sent().at(0);
  EXPECT_EQ(first.header.seid, kSmfSeid);
  EXPECT_EQ(outcome_of(bench.modify(seid, {ie(FSeid{.seid = 0x99, .v4 = kSmfAddress})})),
            kAccepted);
  // The SMF has forgotten the old name, which says nothing about the session.
  bench.send(MessageType::kSessionReportResponse, {ie(Cause::kSessionContextNotFound)}, seid,
             first.header.sequence);
  EXPECT_EQ(bench.n4.session_count(), 1U);
  const auto again = sent();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].header.seid, 0x99U);
  EXPECT_EQ(again[0].ies, first.ies);
  bench.send(MessageType::kSessionReportResponse, {ie(Cause::kSessionContextNotFound)}, seid,
             again[0].header.sequence);
  EXPECT_EQ(bench.n4.session_count(), 0U);
}

TEST(DownlinkReportsTest, keeps_one_deadline_a_session) {
  DownlinkReports reports;
  const DownlinkReports::Time start{};
  reports.buffered(Seid(1), PdrId(1), start + seconds(5));
  reports.drop_at(Seid(1), start + seconds(9));
  EXPECT_EQ(reports.next_deadline(), start + seconds(5));
  reports.rearm(Seid(1), PdrId(1));
  EXPECT_EQ(reports.next_deadline(), start + seconds(9));
  reports.keep(Seid(1));
  EXPECT_EQ(reports.next_deadline(), std::nullopt) << "nothing of what was withdrawn is left";
}

TEST_F(N4Buffer, a_path_switch_ends_the_old_tunnel_if_asked_to) {
  establish({}, ApplyAction::kDrop);
  bench.modify(seid, {update_far(ApplyAction::kForward, to_gnb())});
  const auto to_other = [](uint8_t flags) {
    return Ies{ie(OuterHeaderCreation::gtp_u(Teid(0x501), kN3Address)), ie(PfcpSmReqFlags{flags})};
  };
  EXPECT_EQ(outcome_of(bench.modify(seid, {update_far(ApplyAction::kForward, to_other(0))})),
            kAccepted);
  EXPECT_TRUE(bench.installer.end_markers.empty());
  EXPECT_EQ(outcome_of(bench.modify(seid, {update_far(ApplyAction::kForward,
                                                      to_other(PfcpSmReqFlags::kSendEndMarkers))})),
            kAccepted);
  EXPECT_EQ(bench.installer.end_markers,
            (std::vector{OuterHeader{Teid(0x501), IpAddress(kN3Address)}}))
      << "to the tunnel that it led to until then";
}

TEST(BufferValues, durations_are_what_their_units_say) {
  const auto read_octet = [](uint8_t octet) {
    return IeCodec<DlBufferingDuration>::read(std::vector{octet})->time;
  };
  EXPECT_EQ(read_octet(0x05), seconds(10));
  EXPECT_EQ(read_octet(0x25), seconds(300));
  EXPECT_EQ(read_octet(0x41), seconds(600));
  EXPECT_EQ(read_octet(0x62), seconds(7200));
  EXPECT_EQ(read_octet(0x81), seconds(36'000));
  EXPECT_FALSE(read_octet(0xe0));
}

}  // namespace
}  // namespace sluice::upf::pfcp::testing
