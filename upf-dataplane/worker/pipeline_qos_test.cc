// Packet in, packet out: what QERs and markings do to users' packets.
#include <gtest/gtest.h>

#include <functional>

#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;
using Bytes = std::vector<uint8_t>;

constexpr auto kFarHost = "198.51.100.7";
constexpr size_t kEthernetBytes = 14;

class PipelineQosTest : public ::testing::Test {
 protected:
  // UE 2 with its specification changed.
  void install(const std::function<void(SessionSpec&)>& change) {
    change(spec);
    ASSERT_TRUE(site.sessions->install(spec));
    site.answer(kN3, "192.168.3.2", kGnbMac);
  }
  void limit(QerId id, BitRates rates, std::vector<PdrId> pdrs) {
    install([&](SessionSpec& s) {
      s.qers[id].id = id;
      s.qers[id].mbr = rates;
      for (const PdrId pdr : pdrs) {
        auto& qers = s.pdrs.at(pdr).qers;
        if (std::ranges::find(qers, id) == qers.end()) qers.push_back(id);
      }
    });
  }
  // A packet of 1000 bytes as the user sees it.
  Outcome up(uint16_t port = 80, uint8_t tos = 0) {
    return site.run(kN3, eth(kOwnMac, kGnbMac)
                             .ipv4("192.168.3.2", "192.168.3.1")
                             .udp(2152, 2152)
                             .gtpu(spec.pdrs.at(PdrId(1)).f_teid->teid.value(), 9)
                             .ipv4("10.45.0.2", kFarHost)
                             .tos(tos)
                             .udp(4000, port)
                             .payload(Bytes(972))
                             .frame());
  }
  Outcome down() {
    return site.run(kN6, eth(kOwnMac, kGatewayMac)
                             .ipv4(kFarHost, "10.45.0.2")
                             .udp(80, 4000)
                             .payload(Bytes(972))
                             .frame());
  }
  // How many of `n` packets pass.
  int passing(int n, const std::function<Outcome()>& send) {
    int passed = 0;
    for (int i = 0; i < n; ++i) {
      const auto outcome = send();
      if (outcome.verdict == Verdict::kSend) {
        ++passed;
      } else {
        EXPECT_EQ(outcome.drop, DropReason::kRateExceeded) << to_string(outcome.drop);
      }
    }
    return passed;
  }

  TestSite site;
  SessionSpec spec = site.ue_session(2);
};

TEST_F(PipelineQosTest, an_mbr_polices_each_direction_by_itself) {
  limit(QerId(2), {.uplink_kbps = 8'000, .downlink_kbps = 800}, {PdrId(1), PdrId(2)});
  EXPECT_EQ(passing(30, [&] { return up(); }), 15) << "15 ms of 8 Mb/s";
  EXPECT_EQ(passing(30, [&] { return down(); }), 3) << "at least 3000 bytes";
  site.clock.advance(std::chrono::milliseconds(10));
  EXPECT_EQ(passing(30, [&] { return up(); }), 10);
  EXPECT_EQ(passing(30, [&] { return down(); }), 1);
}

TEST_F(PipelineQosTest, what_a_rate_refuses_is_not_counted_as_usage) {
  limit(QerId(2), {.uplink_kbps = 0, .downlink_kbps = 0}, {PdrId(1)});
  EXPECT_EQ(passing(5, [&] { return up(); }), 0);
  EXPECT_EQ(site.sessions->remove(spec.seid).uplink_packets, 0U);
}

TEST_F(PipelineQosTest, pdrs_that_name_one_qer_share_its_rate) {
  install([](SessionSpec& s) {
    Pdr web = s.pdrs.at(PdrId(1));
    web.id = PdrId(3);
    web.precedence = 10;
    web.sdf = {SdfFilter{.protocol = 17, .remote_ports = {{443, 443}}}};
    s.pdrs[web.id] = web;
  });
  limit(QerId(5), {.uplink_kbps = 8'000, .downlink_kbps = 8'000}, {PdrId(1), PdrId(3)});
  EXPECT_EQ(passing(10, [&] { return up(443); }), 10);
  EXPECT_EQ(passing(10, [&] { return up(80); }), 5) << "the session's AMBR";
}

TEST_F(PipelineQosTest, a_packet_needs_the_consent_of_all_its_rates) {
  limit(QerId(5), {.uplink_kbps = 8'000, .downlink_kbps = 8'000}, {PdrId(1)});
  limit(QerId(6), {.uplink_kbps = 800, .downlink_kbps = 800}, {PdrId(1)});
  EXPECT_EQ(passing(20, [&] { return up(); }), 3);
  // What the smaller rate refused did not use up the larger one.
  install([](SessionSpec& s) { s.pdrs.at(PdrId(1)).qers = {QerId(5)}; });
  EXPECT_EQ(passing(20, [&] { return up(); }), 12);
}

TEST_F(PipelineQosTest, a_modification_changes_the_rate_and_grants_no_new_burst) {
  limit(QerId(2), {.uplink_kbps = 8'000, .downlink_kbps = 0}, {PdrId(1)});
  EXPECT_EQ(passing(20, [&] { return up(); }), 15);
  install([](SessionSpec& s) { s.pdrs.at(PdrId(1)).precedence = 7; });
  EXPECT_EQ(passing(20, [&] { return up(); }), 0);
  limit(QerId(2), {.uplink_kbps = 80'000, .downlink_kbps = 0}, {PdrId(1)});
  site.clock.advance(std::chrono::milliseconds(100));
  EXPECT_EQ(passing(200, [&] { return up(); }), 150);
}

TEST_F(PipelineQosTest, a_refused_modification_leaves_the_rate) {
  limit(QerId(2), {.uplink_kbps = 8'000, .downlink_kbps = 0}, {PdrId(1)});
  SessionSpec bad = spec;
  bad.qers.at(QerId(2)).mbr = BitRates{.uplink_kbps = 0, .downlink_kbps = 0};
  bad.pdrs.at(PdrId(1)).far = FarId(77);
  ASSERT_FALSE(site.sessions->install(bad));
  EXPECT_EQ(passing(20, [&] { return up(); }), 15);
}

TEST_F(PipelineQosTest, counts_for_urrs_and_calls_once_at_a_limit) {
  install([](SessionSpec& s) {
    s.urrs[UrrId(4)] = {.id = UrrId(4), .measures_volume = true};
    for (auto& [id, pdr] : s.pdrs) pdr.urrs = {UrrId(4)};
  });
  UsageLimits limits;
  limits.tell.total = 2000;
  site.sessions->set_usage_limits(spec.seid, UrrId(4), limits);
  up();
  EXPECT_TRUE(site.told.empty());
  down();
  ASSERT_EQ(site.told.size(), 1U);
  EXPECT_EQ(site.sessions->holder(site.told[0]), spec.seid);
  up();
  EXPECT_EQ(site.told.size(), 1U) << "nobody has looked yet";
  const UsageCount count = site.sessions->usage(spec.seid, UrrId(4));
  EXPECT_EQ(count.totals, (UsageTotals{2000, 1000, 2, 1}));
  EXPECT_EQ(count.last_packet, site.clock.now());
  up();
  EXPECT_EQ(site.told.size(), 2U);
}

TEST_F(PipelineQosTest, a_quota_lets_no_packet_more_pass) {
  install([](SessionSpec& s) {
    s.urrs[UrrId(4)] = {.id = UrrId(4), .measures_volume = true};
    s.pdrs.at(PdrId(1)).urrs = {UrrId(4)};
  });
  UsageLimits limits;
  limits.stop.uplink = 2500;
  site.sessions->set_usage_limits(spec.seid, UrrId(4), limits);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(up().verdict, Verdict::kSend);
  EXPECT_EQ(up().drop, DropReason::kQuotaExhausted);
  EXPECT_EQ(down().verdict, Verdict::kSend) << "PDR 2 has no URR";
  limits.stop.uplink = 5000;
  site.sessions->set_usage_limits(spec.seid, UrrId(4), limits);
  EXPECT_EQ(up().verdict, Verdict::kSend);
  limits.blocked = true;
  site.sessions->set_usage_limits(spec.seid, UrrId(4), limits);
  EXPECT_EQ(up().drop, DropReason::kQuotaExhausted);
}

TEST_F(PipelineQosTest, more_urrs_than_a_pdr_has_room_for_are_refused) {
  SessionSpec many = spec;
  for (uint32_t id = 1; id <= 256; ++id) {
    many.urrs[UrrId(id)] = {.id = UrrId(id), .measures_volume = true};
    many.pdrs.at(PdrId(1)).urrs.push_back(UrrId(id));
  }
  const auto refused = site.sessions->install(many);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(refused.error().field, "URR ID");
  many.pdrs.at(PdrId(1)).urrs.pop_back();
  EXPECT_TRUE(site.sessions->install(many));
}

TEST_F(PipelineQosTest, a_quota_that_is_used_up_when_granted_calls_once) {
  install([](SessionSpec& s) {
    s.urrs[UrrId(4)] = {.id = UrrId(4), .measures_volume = true};
    s.pdrs.at(PdrId(1)).urrs = {UrrId(4)};
  });
  UsageLimits limits;
  limits.stop.total = limits.tell.total = 0;
  site.sessions->set_usage_limits(spec.seid, UrrId(4), limits);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(up().drop, DropReason::kQuotaExhausted);
  ASSERT_EQ(site.told.size(), 1U);
  EXPECT_EQ(site.sessions->holder(site.told[0]), spec.seid);
  site.sessions->usage(spec.seid, UrrId(4));
  limits.tell.total = UsageLimits::kNone;
  limits.blocked = true;
  site.sessions->set_usage_limits(spec.seid, UrrId(4), limits);
  up();
  EXPECT_EQ(site.told.size(), 1U) << "the control thread knows";
}

TEST_F(PipelineQosTest, usage_is_counted_behind_the_rate_or_if_asked_before_it) {
  install([](SessionSpec& s) {
    s.urrs[UrrId(4)] = {.id = UrrId(4), .measures_volume = true};
    s.urrs[UrrId(5)] = {.id = UrrId(5), .measures_volume = true, .before_qos = true};
    s.pdrs.at(PdrId(1)).urrs = {UrrId(4), UrrId(5)};
  });
  limit(QerId(2), {.uplink_kbps = 0, .downlink_kbps = 0}, {PdrId(1)});
  up();
  EXPECT_EQ(site.sessions->usage(spec.seid, UrrId(4)).totals.uplink_packets, 0U);
  EXPECT_EQ(site.sessions->usage(spec.seid, UrrId(5)).totals.uplink_packets, 1U);
}

TEST_F(PipelineQosTest, what_a_rule_diverts_or_dns_answers_is_counted_too) {
  install([](SessionSpec& s) {
    s.urrs[UrrId(4)] = {.id = UrrId(4), .measures_volume = true};
    for (auto& [id, pdr] : s.pdrs) pdr.urrs = {UrrId(4)};
  });
  site.set_rules({R"({"trafficRuleId": "r", "filterType": "FLOW", "priority": 1,
      "trafficFilter": [{"dstPort": ["80"]}], "action": "DROP", "state": "ACTIVE"})"});
  EXPECT_EQ(up().drop, DropReason::kRuleDrop);
  EXPECT_EQ(site.sessions->usage(spec.seid, UrrId(4)).totals.uplink_packets, 1U);
}

TEST_F(PipelineQosTest, usage_outlives_changes_of_the_session) {
  install([](SessionSpec& s) {
    s.urrs[UrrId(4)] = {.id = UrrId(4), .measures_volume = true};
    s.pdrs.at(PdrId(1)).urrs = {UrrId(4)};
  });
  up();
  install([](SessionSpec& s) { s.pdrs.at(PdrId(1)).precedence = 7; });
  up();
  EXPECT_EQ(site.sessions->usage(spec.seid, UrrId(4)).totals.uplink_packets, 2U);
  install([](SessionSpec& s) {
    s.pdrs.at(PdrId(1)).urrs.clear();
    s.urrs.clear();
  });
  EXPECT_EQ(site.sessions->usage(spec.seid, UrrId(4)).totals.uplink_packets, 2U)
      << "for the last look";
}

TEST_F(PipelineQosTest, packets_within_a_gbr_are_guaranteed_and_the_others_pass_as_well) {
  install([](SessionSpec& s) {
    s.qers[QerId(3)] = {.id = QerId(3), .gbr = BitRates{8'000, 800}};
    for (auto& [id, pdr] : s.pdrs) pdr.qers.push_back(QerId(3));
  });
  const auto guaranteed = [&](const std::function<Outcome()>& send) {
    int count = 0;
    for (int i = 0; i < 30; ++i) {
      const auto outcome = send();
      EXPECT_EQ(outcome.verdict, Verdict::kSend) << to_string(outcome.drop);
      count += outcome.guaranteed ? 1 : 0;
    }
    return count;
  };
  EXPECT_EQ(guaranteed([&] { return up(); }), 15) << "15 ms of 8 Mb/s";
  EXPECT_EQ(guaranteed([&] { return down(); }), 3) << "at least 3000 bytes";
  install([](SessionSpec& s) { s.pdrs.at(PdrId(1)).precedence = 7; });
  EXPECT_FALSE(up().guaranteed) << "what was spent stays spent when the session changes";
  site.clock.advance(std::chrono::milliseconds(10));
  EXPECT_EQ(guaranteed([&] { return up(); }), 10);
}

TEST_F(PipelineQosTest, what_an_mbr_refuses_spends_nothing_of_a_gbr) {
  install([](SessionSpec& s) {
    s.qers[QerId(3)] = {.id = QerId(3), .mbr = BitRates{8'000, 0}, .gbr = BitRates{4'000, 0}};
    s.pdrs.at(PdrId(1)).qers.push_back(QerId(3));
  });
  EXPECT_EQ(passing(30, [&] { return up(); }), 15);
  site.clock.advance(std::chrono::milliseconds(10));
  int guaranteed = 0;
  for (int i = 0; i < 10; ++i) guaranteed += up().guaranteed ? 1 : 0;
  EXPECT_EQ(guaranteed, 5) << "half of the limit";
}

TEST_F(PipelineQosTest, a_tunnel_carries_the_dscp_of_the_far) {
  install([](SessionSpec& s) { s.fars.at(FarId(2)).marking = Marking{.tos = 0xb8, .mask = 0xfc}; });
  const auto outcome = down();
  ASSERT_EQ(outcome.verdict, Verdict::kSend) << to_string(outcome.drop);
  EXPECT_EQ(outcome.frame[kEthernetBytes + 1], 0xb8);
}

TEST_F(PipelineQosTest, a_packet_without_tunnel_is_marked_itself) {
  install([](SessionSpec& s) { s.fars.at(FarId(1)).marking = Marking{.tos = 0x28, .mask = 0xfc}; });
  for (const uint8_t tos : Bytes{0x00, 0x03, 0xff, 0xb9}) {
    const auto outcome = up(80, tos);
    ASSERT_EQ(outcome.verdict, Verdict::kSend) << to_string(outcome.drop);
    EXPECT_EQ(outcome.frame[kEthernetBytes + 1], 0x28 | (tos & 0x03)) << "ECN stays";
    EXPECT_EQ(checksum_fold(checksum_add(0, outcome.frame.data() + kEthernetBytes, 20)), 0xffff);
  }
}

TEST_F(PipelineQosTest, tells_reflective_qos_and_paging_policy_to_the_access_network) {
  const auto container = [&] {
    const auto outcome = down();
    // Behind Ethernet, IPv4, UDP, GTP-U and its four optional octets.
    const size_t at = kEthernetBytes + 20 + 8 + 8 + 4;
    return Bytes(outcome.frame.begin() + at, outcome.frame.begin() + at + 8);
  };
  install([](SessionSpec& s) { s.qers.at(QerId(1)).reflective = true; });
  auto seen = container();
  EXPECT_EQ(Bytes(seen.begin(), seen.begin() + 4), (Bytes{1, 0, 0x40 | 9, 0}));
  install([](SessionSpec& s) { s.qers.at(QerId(1)).paging_policy = 5; });
  EXPECT_EQ(container(), (Bytes{2, 0, 0xc0 | 9, 5 << 5, 0, 0, 0, 0}));
  const auto outcome = down();
  EXPECT_EQ(outcome.frame[kEthernetBytes + 20 + 8 + 3], 1000 % 256 + 12) << "the length agrees";
}

}  // namespace
}  // namespace sluice::upf
