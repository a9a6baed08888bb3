// Who is still there: heartbeats over N4 and what they say about a peer.
#include <gtest/gtest.h>

#include "upf-dataplane/pfcp/n4_test_support.h"

namespace sluice::upf::pfcp::testing {
namespace {

using std::chrono::seconds;

TEST(N4Heartbeat, with_a_newer_start_time_ends_the_association) {
  N4Bench bench;
  bench.associate();
  bench.plain_session();
  const auto heartbeat = [&](std::chrono::sys_seconds started) {
    return bench.send(MessageType::kHeartbeatRequest, {ie(RecoveryTimeStamp{started})});
  };
  const auto response = heartbeat(N4Bench::kStarted);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->header.type, MessageType::kHeartbeatResponse);
  EXPECT_EQ(read<RecoveryTimeStamp>(response->ies)->value().time, N4Bench::kStarted);
  EXPECT_EQ(bench.n4.session_count(), 1U);

  heartbeat(N4Bench::kStarted + seconds(1));
  EXPECT_EQ(bench.n4.session_count(), 0U);
  EXPECT_EQ(bench.n4.counters().sessions_purged, 1U);
  EXPECT_EQ(outcome_of(bench.establish()).cause, Cause::kNoEstablishedAssociation);
}

TEST(N4Heartbeat, smfs_behind_one_address_are_told_apart_by_their_ports) {
  const NodeId other{.fqdn = "other"};
  struct {
    const char* what;
    uint16_t port;
    bool first_stays;
    bool other_stays;
  } const cases[] = {
      {"the first restarts", kPort, false, true},
      {"the other restarts", 9000, true, false},
      {"nobody knows who restarts", 9001, true, true},
  };
  for (const auto& c : cases) {
    N4Bench bench;
    bench.associate();
    bench.smf.port = 9000;
    bench.associate(other);
    bench.smf.port = c.port;
    bench.send(MessageType::kHeartbeatRequest,
               {ie(RecoveryTimeStamp{N4Bench::kStarted + seconds(1)})});
    std::set<NodeId> left;
    for (const auto& [node, association] : bench.n4.associations()) left.insert(node);
    EXPECT_EQ(left.contains(kSmf), c.first_stays) << c.what;
    EXPECT_EQ(left.contains(other), c.other_stays) << c.what;
  }
}

TEST(N4Heartbeat, a_lone_smf_may_change_its_port) {
  N4Bench bench;
  bench.associate();
  bench.smf.port = 9000;
  bench.send(MessageType::kHeartbeatRequest,
             {ie(RecoveryTimeStamp{N4Bench::kStarted + seconds(1)})});
  EXPECT_EQ(bench.n4.associations().size(), 0U);
}

// Advances to the next deadline and returns what is sent then.
std::vector<Outgoing> advance(N4Bench& bench) {
  const auto deadline = bench.n4.next_deadline();
  if (!deadline) return {};
  bench.clock.advance(*deadline - bench.clock.now());
  return bench.n4.advance();
}

TEST(N4Heartbeat, a_quiet_peer_is_probed_then_lost_then_given_up) {
  N4Bench bench;
  EXPECT_FALSE(bench.n4.next_deadline()) << "nobody to probe";
  bench.associate();
  bench.plain_session();
  const auto start = bench.clock.now();
  const N4Config config = test_config();

  const auto probe = advance(bench);
  EXPECT_EQ(bench.clock.now() - start, config.heartbeat_interval);
  ASSERT_EQ(probe.size(), 1U);
  EXPECT_EQ(probe[0].to, (Peer{kSmfAddress, kPort}));
  const Message request = decode(probe[0].bytes)->message;
  EXPECT_EQ(request.header.type, MessageType::kHeartbeatRequest);
  EXPECT_TRUE(read<RecoveryTimeStamp>(request.ies));

  for (unsigned repeat = 1; repeat < config.retransmit_count; ++repeat) {
    const auto again = advance(bench);
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].bytes, probe[0].bytes) << "a retransmission keeps its sequence number";
  }
  EXPECT_TRUE(advance(bench).empty());
  EXPECT_EQ(bench.n4.counters().peers_lost, 1U);
  EXPECT_EQ(bench.n4.session_count(), 1U) << "its sessions still forward";

  const auto lost_at = bench.clock.now();
  while (bench.n4.next_deadline()) advance(bench);
  EXPECT_EQ(bench.clock.now() - lost_at, config.lost_peer_grace);
  EXPECT_EQ(bench.n4.session_count(), 0U);
  EXPECT_TRUE(bench.installer.sessions().empty());
  EXPECT_EQ(bench.n4.associations().size(), 0U);
}

TEST(N4Heartbeat, one_smf_does_not_vouch_for_another_behind_its_address) {
  N4Bench bench;
  bench.associate();
  bench.smf.port = 9000;
  bench.associate(NodeId{.fqdn = "other"});
  bench.clock.advance(test_config().heartbeat_interval / 2);
  bench.send(MessageType::kHeartbeatRequest, {ie(RecoveryTimeStamp{N4Bench::kStarted})});
  EXPECT_EQ(advance(bench).size(), 1U) << "only the quiet one is probed";
}

TEST(N4Heartbeat, who_answers_for_two_at_one_port_is_not_known_to_have_restarted) {
  N4Bench bench;
  bench.associate();
  bench.smf.port = 9000;
  bench.associate(NodeId{.fqdn = "other"});
  const auto probes = advance(bench);  // both to the standard port, where only one listens
  ASSERT_EQ(probes.size(), 2U);
  bench.smf.port = kPort;
  for (const Outgoing& probe : probes) {
    bench.send(MessageType::kHeartbeatResponse,
               {ie(RecoveryTimeStamp{N4Bench::kStarted + seconds(1)})}, {},
               decode(probe.bytes)->message.header.sequence);
  }
  EXPECT_EQ(bench.n4.associations().size(), 2U);
  EXPECT_EQ(bench.n4.counters().unexpected, 0U);
  bench.clock.advance(test_config().heartbeat_interval / 2);
  EXPECT_TRUE(bench.n4.advance().empty()) << "both were heard";
}

TEST(N4Heartbeat, an_answer_brings_a_lost_peer_back) {
  N4Bench bench;
  bench.associate();
  bench.plain_session();
  while (bench.n4.counters().peers_lost == 0) advance(bench);
  const auto probe = advance(bench);
  ASSERT_EQ(probe.size(), 1U);
  const uint32_t sequence = decode(probe[0].bytes)->message.header.sequence;
  const Ies start{ie(RecoveryTimeStamp{N4Bench::kStarted})};
  EXPECT_FALSE(bench.send(MessageType::kHeartbeatResponse, start, {}, sequence));
  EXPECT_EQ(bench.n4.counters().peers_recovered, 1U);
  EXPECT_EQ(bench.n4.counters().unexpected, 0U);
  EXPECT_EQ(bench.n4.session_count(), 1U);

  EXPECT_FALSE(bench.send(MessageType::kHeartbeatResponse, start, {}, sequence));
  EXPECT_EQ(bench.n4.counters().unexpected, 1U) << "nobody waits for it a second time";
}

TEST(N4Heartbeat, probes_go_to_the_standard_port_unless_configured_otherwise) {
  N4Config config = test_config();
  for (const auto& [peer_port, expected] : {std::pair{8805, 8805}, {9000, 9000}, {0, 40000}}) {
    config.peer_port = static_cast<uint16_t>(peer_port);
    N4Bench bench(config);
    bench.smf.port = 40000;
    bench.associate();
    const auto probe = advance(bench);
    ASSERT_EQ(probe.size(), 1U);
    EXPECT_EQ(probe[0].to.port, expected);
  }
}

}  // namespace
}  // namespace sluice::upf::pfcp::testing
