#include "upf-dataplane/control/session_manager.h"

#include <gtest/gtest.h>

#include <functional>

#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using testing::TestSite;

TEST(SessionManager, adds_up_what_is_guaranteed) {
  TestSite site;
  auto spec = site.ue_session(1);
  spec.qers.at(QerId(1)).gbr = BitRates{.uplink_kbps = 100, .downlink_kbps = 200};
  ASSERT_TRUE(site.sessions->install(spec));
  auto other = site.ue_session(2);
  other.qers.at(QerId(1)).gbr = BitRates{.uplink_kbps = 1, .downlink_kbps = 2};
  ASSERT_TRUE(site.sessions->install(other));
  spec.qers.at(QerId(1)).gbr->uplink_kbps = 50;
  ASSERT_TRUE(site.sessions->install(spec));
  EXPECT_EQ(site.sessions->guaranteed(), (BitRates{.uplink_kbps = 51, .downlink_kbps = 202}));
  site.sessions->remove(spec.seid);
  EXPECT_EQ(site.sessions->guaranteed(), (BitRates{.uplink_kbps = 1, .downlink_kbps = 2}));
}

TEST(SessionManager, refuses_what_it_cannot_enforce_and_names_the_ie) {
  struct Case {
    const char* what;
    std::function<void(SessionSpec&)> change;
    ErrorCode code;
    const char* field;
  };
  const auto uplink = [](SessionSpec& s) -> Pdr& { return s.pdrs.at(PdrId(1)); };
  const auto downlink = [](SessionSpec& s) -> Pdr& { return s.pdrs.at(PdrId(2)); };
  const std::vector<Case> cases = {
      {"no UE address",
       [&](auto& s) {
         uplink(s).ue.reset();
         downlink(s).ue.reset();
       },
       ErrorCode::kInvalidArgument, "UE IP Address"},
      {"two UE addresses", [&](auto& s) { uplink(s).ue->v4 = Ipv4Address(1); },
       ErrorCode::kInvalidArgument, "UE IP Address"},
      {"a single IPv6 address",
       [&](auto& s) { uplink(s).ue->v6 = *IpPrefix::parse("fd45:0:0:2::1/128"); },
       ErrorCode::kUnsupported, "UE IP Address"},
      {"an address of the UPF's",
       [&](auto& s) {
         for (auto& [id, pdr] : s.pdrs) pdr.ue->v4 = *Ipv4Address::parse("192.168.6.1");
       },
       ErrorCode::kInvalidArgument, "UE IP Address"},
      {"a prefix that holds an address of the UPF's",
       [&](auto& s) {
         for (auto& [id, pdr] : s.pdrs) pdr.ue->v6 = *IpPrefix::parse("fd60::/64");
       },
       ErrorCode::kInvalidArgument, "UE IP Address"},
      {"a group",
       [&](auto& s) {
         for (auto& [id, pdr] : s.pdrs) pdr.ue->v4 = *Ipv4Address::parse("224.0.0.1");
       },
       ErrorCode::kInvalidArgument, "UE IP Address"},
      {"a loop through the core",
       [&](auto& s) { s.fars.at(FarId(2)).destination = Interface::kCore; },
       ErrorCode::kUnsupported, "Destination Interface"},
      {"another prefix in one direction",
       [&](auto& s) { uplink(s).ue->v6 = *IpPrefix::parse("fd45::/56"); },
       ErrorCode::kInvalidArgument, "UE IP Address"},
      {"an unknown FAR", [&](auto& s) { uplink(s).far = FarId(99); }, ErrorCode::kInvalidArgument,
       "FAR ID"},
      {"an unknown URR", [&](auto& s) { uplink(s).urrs = {UrrId(99)}; },
       ErrorCode::kInvalidArgument, "URR ID"},
      {"an unknown QER", [&](auto& s) { uplink(s).qers = {QerId(99)}; },
       ErrorCode::kInvalidArgument, "QER ID"},
      {"no tunnel on the access side", [&](auto& s) { uplink(s).f_teid.reset(); },
       ErrorCode::kInvalidArgument, "F-TEID"},
      {"a tunnel from the core that packets do not leave",
       [&](auto& s) { downlink(s).f_teid = uplink(s).f_teid; }, ErrorCode::kUnsupported,
       "Outer Header Removal"},
      {"the outer header kept", [&](auto& s) { uplink(s).remove_outer_header = false; },
       ErrorCode::kUnsupported, "Outer Header Removal"},
      {"access without a tunnel", [&](auto& s) { s.fars.at(FarId(2)).outer_header.reset(); },
       ErrorCode::kInvalidArgument, "Outer Header Creation"},
      {"towards the CP function",
       [&](auto& s) { s.fars.at(FarId(1)).destination = Interface::kCpFunction; },
       ErrorCode::kInvalidArgument, "Outer Header Creation"},
      {"from the CP function without a tunnel",
       [&](auto& s) { downlink(s).source = Interface::kCpFunction; }, ErrorCode::kInvalidArgument,
       "F-TEID"},
      {"an IPv6 prefix longer than /64",
       [&](auto& s) {
         for (auto& [id, pdr] : s.pdrs) pdr.ue->v6 = *IpPrefix::parse("fd45:0:0:2::/80");
       },
       ErrorCode::kUnsupported, "UE IP Address"},
      {"a framed route to everywhere",
       [&](auto& s) { downlink(s).framed_routes = {*IpPrefix::parse("0.0.0.0/0")}; },
       ErrorCode::kUnsupported, "Framed-Route"},
      {"a framed route to ourselves",
       [&](auto& s) { downlink(s).framed_routes = {*IpPrefix::parse("192.168.0.0/16")}; },
       ErrorCode::kInvalidArgument, "Framed-Route"},
      {"framed routes that differ",
       [&](auto& s) {
         uplink(s).framed_routes = {*IpPrefix::parse("172.16.0.0/24")};
         downlink(s).framed_routes = {*IpPrefix::parse("172.16.1.0/24")};
       },
       ErrorCode::kUnsupported, "Framed-Route"},
      {"an SPI",
       [&](auto& s) {
         uplink(s).sdf = {SdfFilter{}};
         uplink(s).sdf[0].spi = 1;
       },
       ErrorCode::kUnsupported, "SDF Filter"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    TestSite site;
    auto spec = site.ue_session(2);
    c.change(spec);
    const auto done = site.sessions->install(spec);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, c.code) << done.error().to_string();
    EXPECT_EQ(done.error().field, c.field) << done.error().to_string();
    EXPECT_EQ(site.sessions->size(), 0U);
  }
}

TEST(SessionManager, changes_nothing_when_an_address_belongs_to_another_session) {
  TestSite site;
  const auto first = site.ue_session(2);
  ASSERT_TRUE(site.sessions->install(first));
  auto second = site.ue_session(3);
  ASSERT_TRUE(site.sessions->install(second));
  auto taken = second;
  for (auto& [id, pdr] : taken.pdrs) pdr.ue = first.pdrs.at(id).ue;
  const auto done = site.sessions->install(taken);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kConflict);
  EXPECT_EQ(done.error().field, "UE IP Address");
  EXPECT_NE(site.shared.sessions.find_teid(second.pdrs.at(PdrId(1)).f_teid->teid.value()), nullptr);

  auto same_tunnel = second;
  same_tunnel.pdrs.at(PdrId(1)).f_teid = first.pdrs.at(PdrId(1)).f_teid;
  EXPECT_EQ(site.sessions->install(same_tunnel).error().field, "F-TEID");
}

TEST(SessionManager, puts_everything_back_when_the_tables_are_full) {
  TestSite site(4);
  auto spec = site.ue_session(2);
  ASSERT_TRUE(site.sessions->install(spec));
  const auto* before = site.shared.sessions.find_v4(0x02002d0a);
  ASSERT_NE(before, nullptr);
  auto wide = spec;
  for (uint16_t i = 0; i < 9;
       ++i) {  // tunnels of the SMF's own choice, one more than there is room
    Pdr pdr = spec.pdrs.at(PdrId(1));
    pdr.id = PdrId(static_cast<uint16_t>(100 + i));
    pdr.f_teid->teid = Teid(0x70000000U + i);
    wide.pdrs[pdr.id] = pdr;
  }
  ASSERT_FALSE(site.sessions->install(wide));
  EXPECT_EQ(site.shared.sessions.find_v4(0x02002d0a), before);
  EXPECT_EQ(site.shared.sessions.find_teid(spec.pdrs.at(PdrId(1)).f_teid->teid.value()), before);
  EXPECT_EQ(site.shared.sessions.find_teid(0x70000000U), nullptr);
  EXPECT_GT(site.reclaimer.pending(), 0U);  // workers may have seen the new session
}

TEST(SessionManager, takes_as_many_sessions_as_configured_and_reuses_what_was_freed) {
  TestSite site(8);
  std::vector<SessionSpec> specs;
  for (uint32_t i = 1; i <= 8; ++i) {
    specs.push_back(site.ue_session(i));
    ASSERT_TRUE(site.sessions->install(specs.back())) << i;
  }
  EXPECT_EQ(site.sessions->allocate_seid().error().code, ErrorCode::kResourceExhausted);
  for (uint32_t round = 0; round < 100; ++round) {
    auto& spec = specs[round % specs.size()];
    site.sessions->remove(spec.seid);
    site.sessions->release_teid(spec.pdrs.at(PdrId(1)).f_teid->teid);
    site.grace_period();
    spec = site.ue_session(1 + round % 8);
    ASSERT_TRUE(site.sessions->install(spec)) << round;
  }
  EXPECT_EQ(site.sessions->size(), 8U);
}

}  // namespace
}  // namespace sluice::upf
