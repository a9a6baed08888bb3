// Associations and the transport of messages over N4.
#include <gtest/gtest.h>

#include "upf-dataplane/pfcp/log_limiter.h"
#include "upf-dataplane/pfcp/n4_test_support.h"

namespace sluice::upf::pfcp::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Outcome kAccepted{Cause::kRequestAccepted};

TEST(N4Node, association_exchanges_identity_start_time_and_features) {
  N4Bench bench;
  const Message response = bench.associate();
  EXPECT_EQ(response.header.type, MessageType::kAssociationSetupResponse);
  EXPECT_EQ(response.header.sequence, 1U);
  EXPECT_EQ(outcome_of(response), kAccepted);
  EXPECT_EQ(read<NodeId>(response.ies)->value().fqdn, "upf.example");
  EXPECT_EQ(read<RecoveryTimeStamp>(response.ies)->value().time, N4Bench::kStarted);
  EXPECT_EQ(read<UpFunctionFeatures>(response.ies)->value().bits,
            UpFunctionFeatures::kNotificationDelay | UpFunctionFeatures::kBufferingDuration |
                UpFunctionFeatures::kFTeidAllocation | UpFunctionFeatures::kPfdManagement |
                UpFunctionFeatures::kRedirection | UpFunctionFeatures::kQuotaAction |
                UpFunctionFeatures::kNumberOfReports | UpFunctionFeatures::kSmallData |
                UpFunctionFeatures::kEndMarkers | UpFunctionFeatures::kTrafficEndpoints |
                UpFunctionFeatures::kBufferingControl | UpFunctionFeatures::kFramedRouting |
                UpFunctionFeatures::kPacketCounts | UpFunctionFeatures::kQuotaValidity |
                UpFunctionFeatures::kIpv6PrefixLength);
  EXPECT_EQ(find(response.ies, IeType::kUeIpAddressPoolInformation), nullptr);
}

struct NodeCase {
  const char* what;
  MessageType type;
  Ies ies;
  Outcome outcome;
};

TEST(N4Node, requests_that_cannot_be_granted_name_the_reason) {
  using enum Cause;
  using enum MessageType;
  const Ie node = ie(kSmf);
  const Ie stranger = ie(NodeId{.fqdn = "stranger"});
  const Ie started = ie(RecoveryTimeStamp{N4Bench::kStarted});
  for (const auto& c : std::vector<NodeCase>{
           {"setup without node",
            kAssociationSetupRequest,
            {started},
            {kMandatoryIeMissing, IeType::kNodeId}},
           {"setup without start time",
            kAssociationSetupRequest,
            {node},
            {kMandatoryIeMissing, IeType::kRecoveryTimeStamp}},
           {"setup with a node id cut off",
            kAssociationSetupRequest,
            {{.type = IeType::kNodeId, .value = {0, 1}}, started},
            {kInvalidLength, IeType::kNodeId}},
           {"setup that asks for path monitoring",
            kAssociationSetupRequest,
            {node, started, group(IeType::kGtpUPathQoSControlInformation, {})},
            {kServiceNotSupported, IeType::kGtpUPathQoSControlInformation}},
           {"update by a stranger",
            kAssociationUpdateRequest,
            {stranger},
            {kNoEstablishedAssociation, IeType::kNodeId}},
           {"release by a stranger",
            kAssociationReleaseRequest,
            {stranger},
            {kNoEstablishedAssociation, IeType::kNodeId}},
           {"release without node",
            kAssociationReleaseRequest,
            {},
            {kMandatoryIeMissing, IeType::kNodeId}},
           {"set modification", kSessionSetModificationRequest, {node}, {kServiceNotSupported}},
       }) {
    N4Bench bench;
    bench.associate();
    const auto response = bench.send(c.type, c.ies);
    ASSERT_TRUE(response) << c.what;
    EXPECT_EQ(outcome_of(*response), c.outcome) << c.what;
    EXPECT_EQ(response->header.type, find_message(c.type)->response) << c.what;
  }
}

TEST(N4Node, sessions_need_an_association_and_belong_to_its_node) {
  N4Bench bench;
  EXPECT_EQ(outcome_of(bench.establish()),
            (Outcome{Cause::kNoEstablishedAssociation, IeType::kNodeId}));
  bench.associate();
  const uint64_t seid = bench.plain_session();
  bench.smf.address = kGnb;
  const Message response = bench.modify(seid, {});
  EXPECT_EQ(outcome_of(response), Outcome{Cause::kNoEstablishedAssociation});
  bench.smf.address = kSmfAddress;
  const Message unknown = bench.modify(seid + 1, {});
  EXPECT_EQ(outcome_of(unknown), Outcome{Cause::kSessionContextNotFound});
  EXPECT_EQ(unknown.header.seid, 0U);
}

TEST(N4Node, two_smfs_do_not_disturb_each_other) {
  N4Bench bench;
  bench.associate();
  const uint64_t first = bench.plain_session();
  const Peer first_smf = bench.smf;

  const NodeId other{.fqdn = "other"};
  bench.smf = {Ipv4Address(0x0a000003), kPort};
  bench.associate(other);
  const auto establish = [&](Ipv4Address ue) {
    return bench
        .send(MessageType::kSessionEstablishmentRequest,
              {ie(other), ie(FSeid{.seid = kSmfSeid, .v4 = Ipv4Address(0x0a000003)}),
               create_pdr(2, downlink_pdi(ue), 2), create_far(2, to_gnb())},
              0)
        .value();
  };
  EXPECT_EQ(outcome_of(establish(kUe)),
            (Outcome{Cause::kRuleCreationOrModificationFailure, IeType::kUeIpAddress}))
      << "the address belongs to a session of the first";
  EXPECT_EQ(outcome_of(establish(kOtherUe)), kAccepted);
  EXPECT_EQ(outcome_of(bench.modify(first, {})), Outcome{Cause::kNoEstablishedAssociation});

  EXPECT_EQ(outcome_of(*bench.send(MessageType::kAssociationReleaseRequest, {ie(other)})),
            kAccepted);
  EXPECT_EQ(bench.n4.session_count(), 1U);
  bench.smf = first_smf;
  EXPECT_EQ(outcome_of(bench.modify(first, {})), kAccepted);
}

TEST(N4Node, a_restarted_smf_finds_no_old_sessions) {
  const auto later = N4Bench::kStarted + seconds(5);
  const Ie retention = group(IeType::kPfcpSessionRetentionInformation, {});
  struct {
    const char* what;
    std::chrono::sys_seconds started;
    Ies more;
    size_t sessions;
  } const cases[] = {
      {"restarted", later, {}, 0},
      {"set up anew", N4Bench::kStarted, {}, 0},
      {"set up anew, sessions to be kept", N4Bench::kStarted, {retention}, 1},
      {"restarted, sessions to be kept", later, {retention}, 0},
      {"sessions of some entities to be kept",
       N4Bench::kStarted,
       {group(IeType::kPfcpSessionRetentionInformation,
              {{.type = IeType::kCpPfcpEntityIpAddress, .value = {0}}})},
       0},
  };
  for (const auto& c : cases) {
    N4Bench bench;
    bench.associate();
    const uint64_t seid = bench.plain_session();
    const Message response = bench.associate(kSmf, c.started, c.more);
    EXPECT_EQ(outcome_of(response), kAccepted) << c.what;
    EXPECT_EQ(bench.n4.session_count(), c.sessions) << c.what;
    EXPECT_EQ(bench.installer.sessions().size(), c.sessions) << c.what;
    const auto flags = read<AssociationSetupResponseFlags>(response.ies);
    EXPECT_EQ(flags && flags->value().sessions_retained, c.sessions == 1) << c.what;
    EXPECT_EQ(outcome_of(bench.modify(seid, {})).cause,
              c.sessions == 1 ? Cause::kRequestAccepted : Cause::kSessionContextNotFound)
        << c.what;
  }
}

TEST(N4Node, a_repeated_request_is_answered_but_not_carried_out_again) {
  N4Bench bench;
  bench.associate();
  const Message request{
      .header = {.type = MessageType::kSessionEstablishmentRequest, .seid = 0, .sequence = 50},
      .ies = establishment(plain_rules())};
  const auto bytes = encode(request).value();
  const auto first = bench.send_bytes(bytes);
  EXPECT_EQ(bench.send_bytes(bytes), first);
  EXPECT_EQ(bench.n4.session_count(), 1U);
  EXPECT_EQ(bench.n4.counters().retransmissions, 1U);

  Message other = request;
  other.ies = establishment(plain_rules(kOtherUe), kSmf, 0x78);
  bench.send_bytes(encode(other).value());
  EXPECT_EQ(bench.n4.session_count(), 2U) << "same number, another request";

  bench.clock.advance(test_config().response_lifetime);
  bench.send_bytes(encode(other).value());
  EXPECT_EQ(bench.n4.counters().retransmissions, 1U);
  EXPECT_EQ(bench.n4.counters().sessions_replaced, 1U)
      << "after its lifetime a response is forgotten";
}

TEST(N4Node, an_smf_that_starts_over_is_not_answered_from_the_past) {
  N4Bench bench;
  bench.associate();
  const auto bytes =
      encode(
          {.header = {.type = MessageType::kSessionEstablishmentRequest, .seid = 0, .sequence = 50},
           .ies = establishment(plain_rules())})
          .value();
  bench.send_bytes(bytes);
  bench.associate(kSmf, N4Bench::kStarted + seconds(9));
  bench.send_bytes(bytes);
  EXPECT_EQ(bench.n4.counters().retransmissions, 0U);
  EXPECT_EQ(bench.n4.session_count(), 1U);
}

TEST(N4Node, cached_responses_are_bounded) {
  ResponseCache cache(2, milliseconds(1000));
  const ResponseCache::TimePoint now;
  const Peer peer{kSmfAddress, 1};
  const std::vector<uint8_t> request{1};
  for (uint32_t sequence : {1U, 2U, 3U}) cache.store(peer, sequence, request, {9}, now);
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_EQ(cache.find(peer, 1, request, now), nullptr) << "the oldest went";
  EXPECT_NE(cache.find(peer, 3, request, now), nullptr);
  EXPECT_EQ(cache.find({kSmfAddress, 2}, 3, request, now), nullptr) << "another peer";
  cache.forget(peer);
  EXPECT_EQ(cache.size(), 0U);
}

TEST(N4Node, a_log_takes_some_lines_a_second_and_tells_how_many_it_left_out) {
  LogLimiter limiter;
  LogLimiter::TimePoint now{std::chrono::hours(1)};
  for (unsigned i = 0; i < LogLimiter::kLinesPerSecond; ++i) EXPECT_EQ(limiter.admit(now), 0U);
  for (unsigned i = 0; i < 5; ++i) EXPECT_FALSE(limiter.admit(now + milliseconds(999)));
  EXPECT_EQ(limiter.admit(now + seconds(1)), 5U);
  EXPECT_EQ(limiter.admit(now + seconds(1)), 0U) << "told once";
}

TEST(N4Node, too_many_associations_are_refused) {
  N4Config config = test_config();
  config.limits.associations = 1;
  N4Bench bench(config);
  bench.associate();
  EXPECT_EQ(outcome_of(bench.associate(NodeId{.fqdn = "second"})),
            Outcome{Cause::kNoResourcesAvailable});
  EXPECT_EQ(outcome_of(bench.associate()), kAccepted) << "the first may come again";
}

TEST(N4Node, what_is_not_a_request_to_us_is_counted_and_dropped) {
  N4Bench bench;
  EXPECT_FALSE(bench.send_bytes(std::vector<uint8_t>{}));
  EXPECT_FALSE(bench.send(MessageType::kSessionDeletionRequest, {})) << "no SEID";
  EXPECT_FALSE(bench.send(MessageType::kHeartbeatRequest, {}, 1)) << "a SEID";
  EXPECT_EQ(bench.n4.counters().malformed, 3U);
  EXPECT_FALSE(bench.send(static_cast<MessageType>(200), {}));
  EXPECT_FALSE(bench.send(MessageType::kSessionReportRequest, {}, 0)) << "only we send these";
  EXPECT_FALSE(bench.send(MessageType::kAssociationSetupResponse, {}));
  EXPECT_EQ(bench.n4.counters().unexpected, 3U);
}

TEST(N4Node, a_later_version_is_told_ours) {
  N4Bench bench;
  const auto response = bench.send_bytes(std::vector<uint8_t>{0x40, 5, 0, 4, 0, 0, 9, 0});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->header.type, MessageType::kVersionNotSupportedResponse);
  EXPECT_EQ(response->header.sequence, 9U);
  EXPECT_TRUE(response->ies.empty());
}

TEST(N4Node, elements_of_wrong_length_are_answered_by_name) {
  N4Bench bench;
  bench.associate();
  const uint64_t seid = bench.plain_session();
  auto bytes = encode({.header = {.type = MessageType::kSessionModificationRequest,
                                  .seid = seid,
                                  .sequence = 60},
                       .ies = {ie(kSmf)}})
                   .value();
  bytes[bytes.size() - 6] = 200;  // the Node ID's length
  const auto response = bench.send_bytes(bytes);
  ASSERT_TRUE(response);
  EXPECT_EQ(outcome_of(*response), (Outcome{Cause::kInvalidLength, IeType::kNodeId}));
  EXPECT_EQ(response->header.seid, kSmfSeid);
}

TEST(N4Node, bundled_messages_are_answered_one_by_one) {
  N4Bench bench;
  Message heartbeat{
      .header = {.type = MessageType::kHeartbeatRequest, .sequence = 1, .follow_on = true},
      .ies = {ie(RecoveryTimeStamp{N4Bench::kStarted})}};
  auto datagram = encode(heartbeat).value();
  heartbeat.header = {.type = MessageType::kHeartbeatRequest, .sequence = 2};
  const auto second = encode(heartbeat).value();
  datagram.insert(datagram.end(), second.begin(), second.end());
  const auto out = bench.n4.receive(bench.smf, datagram);
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(decode(out[1].bytes)->message.header.sequence, 2U);
}

TEST(N4Node, counts_by_message_and_cause) {
  N4Bench bench;
  bench.associate();
  bench.establish({});
  bench.plain_session();
  const N4Counters& counters = bench.n4.counters();
  EXPECT_EQ(counters.received[N4Counters::index(MessageType::kSessionEstablishmentRequest)], 2U);
  EXPECT_EQ(counters.sent[N4Counters::index(MessageType::kSessionEstablishmentResponse)], 2U);
  EXPECT_EQ(counters.responses[N4Counters::index(Cause::kMandatoryIeMissing)], 1U);
  EXPECT_EQ(counters.responses[N4Counters::index(Cause::kRequestAccepted)], 2U);
}

TEST(N4Config, that_cannot_work_is_refused_by_name) {
  EXPECT_TRUE(check(test_config()));
  const auto field = [](auto change) {
    N4Config config = test_config();
    change(config);
    const auto result = check(config);
    return result ? std::string() : result.error().field;
  };
  EXPECT_EQ(field([](N4Config& c) { c.listen = Ipv4Address(); }), "listen");
  EXPECT_EQ(field([](N4Config& c) { c.node_id = {}; }), "node_id");
  EXPECT_EQ(field([](N4Config& c) { c.gtp_endpoints.clear(); }), "gtp_endpoints");
  EXPECT_EQ(field([](N4Config& c) { c.gtp_endpoints.push_back({}); }), "gtp_endpoints");
  EXPECT_EQ(field([](N4Config& c) { c.retransmit_count = 0; }), "heartbeat_interval");
  EXPECT_EQ(field([](N4Config& c) { c.limits.fars_per_session = 0; }), "limits");
  EXPECT_EQ(field([](N4Config& c) { c.limits.pdrs_per_session = 5000; }),
            "limits.pdrs_per_session");
}

}  // namespace
}  // namespace sluice::upf::pfcp::testing
