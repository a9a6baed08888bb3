// Where a session's packets come from: UE addresses that the UPF chooses, traffic endpoints, framed
// routes.
#include <gtest/gtest.h>

#include "upf-dataplane/pfcp/endpoint_values.h"
#include "upf-dataplane/pfcp/n4_test_support.h"

namespace sluice::upf::pfcp::testing {
namespace {

const Outcome kAccepted{Cause::kRequestAccepted};

IpPrefix prefix(const char* text) { return *IpPrefix::parse(text); }

N4Config with_pools() {
  N4Config config = test_config();
  config.ue_pools = {
      {.name = "general", .v4 = {prefix("10.50.0.0/30")}, .v6 = {prefix("fd50::/63")}},
      {.name = "ims",
       .network_instance = "ims",
       .v4 = {prefix("10.51.0.0/29")},
       .v6 = {prefix("fd51::/48")},
       .v6_length = 56}};
  return config;
}

// The Created element of a type for an id, its children.
std::span<const Ie> created(const Message& response, IeType type, const Ie& id) {
  for (const Ie& group : all(response.ies, type)) {
    if (group.children.front() == id) return group.children;
  }
  return {};
}

UeIpAddress chosen_address(const Message& response, uint16_t pdr) {
  const auto address = read<UeIpAddress>(created(response, IeType::kCreatedPdr, ie(PdrId(pdr))));
  return address ? address->value() : UeIpAddress{};
}

// Both PDRs ask for the addresses of `wish`.
Ies choosing(const UeIpAddress& wish, const char* network = "internet", Ies more = {}) {
  Ies up{ie(SourceInterface{}), ie(FTeid{.choose = true, .want_v4 = true}),
         ie(NetworkInstance{network}), ie(wish)};
  Ies down{ie(SourceInterface{Interface::kCore}), ie(NetworkInstance{network}), ie(wish)};
  Ies more_of_uplink = more;
  more_of_uplink.push_back(ie(OuterHeaderRemoval{}));
  return {create_pdr(1, up, 1, more_of_uplink), create_pdr(2, down, 2, more),
          create_far(1, to_core()), create_far(2, to_gnb())};
}

TEST(N4Addresses, a_session_gets_one_address_of_a_family_and_gives_it_back) {
  N4Bench bench(with_pools());
  bench.associate();
  const auto response = bench.establish(choosing({.choose_v4 = true, .choose_v6 = true}));
  ASSERT_EQ(outcome_of(response), kAccepted);
  for (const uint16_t pdr : {uint16_t{1}, uint16_t{2}}) {
    EXPECT_EQ(chosen_address(response, pdr).v4, *Ipv4Address::parse("10.50.0.1"));
    EXPECT_EQ(chosen_address(response, pdr).v6, prefix("fd50::/64"));
  }
  EXPECT_TRUE(read<FTeid>(created(response, IeType::kCreatedPdr, ie(PdrId(1)))));
  EXPECT_EQ(bench.installer.sessions().begin()->second.pdrs.at(PdrId(2)).ue,
            (UeAddress{*Ipv4Address::parse("10.50.0.1"), prefix("fd50::/64")}));
  EXPECT_EQ(bench.n4.allocated_addresses(), 2U);
  const uint64_t seid = read<FSeid>(response.ies)->value().seid;
  // A later PDR has the same.
  const auto modified = bench.modify(
      seid,
      {create_pdr(3, {ie(SourceInterface{Interface::kCore}), ie(UeIpAddress{.choose_v4 = true})},
                  2)});
  EXPECT_EQ(chosen_address(modified, 3).v4, *Ipv4Address::parse("10.50.0.1"));
  EXPECT_EQ(outcome_of(*bench.send(MessageType::kSessionDeletionRequest, {}, seid)), kAccepted);
  EXPECT_EQ(bench.n4.allocated_addresses(), 0U);
}

TEST(N4Addresses, come_from_the_pool_of_the_network_or_the_one_named) {
  N4Bench bench(with_pools());
  bench.associate();
  struct {
    const char* network;
    Ies more;
    const char* address;
  } const cases[] = {
      {"internet", {}, "10.50.0.1"},
      {"ims", {}, "10.51.0.1"},
      {"internet", {ie(UeIpAddressPoolIdentity{"ims"})}, "10.51.0.2"},
      {"ims", {ie(UeIpAddressPoolIdentity{"general"})}, "10.50.0.2"},
  };
  uint64_t seid = 1;
  for (const auto& c : cases) {
    const auto response = bench.establish(choosing({.choose_v4 = true}, c.network, c.more), ++seid);
    ASSERT_EQ(outcome_of(response), kAccepted) << c.network;
    EXPECT_EQ(chosen_address(response, 2).v4->to_string(), c.address);
  }
}

TEST(N4Addresses, prefixes_are_as_long_as_the_pool_gives_out) {
  N4Bench bench(with_pools());
  bench.associate();
  const auto response =
      bench.establish(choosing({.choose_v6 = true, .choose_v6_length = 56}, "ims"));
  ASSERT_EQ(outcome_of(response), kAccepted);
  EXPECT_EQ(chosen_address(response, 2).v6, prefix("fd51::/56"));
  EXPECT_EQ(
      outcome_of(bench.establish(choosing({.choose_v6 = true, .choose_v6_length = 48}, "ims"))),
      (Outcome{Cause::kServiceNotSupported, IeType::kUeIpAddress,
               FailedRuleId{RuleType::kPdr, 1}}));
}

TEST(N4Addresses, used_up_is_told_and_a_refused_session_keeps_none) {
  N4Bench bench(with_pools());
  bench.associate();
  Ies broken = choosing({.choose_v4 = true});
  broken.pop_back();  // FAR 2
  EXPECT_EQ(outcome_of(bench.establish(broken)).cause, Cause::kRuleCreationOrModificationFailure);
  EXPECT_EQ(bench.n4.allocated_addresses(), 0U);
  std::vector<uint64_t> seids;
  for (uint64_t n = 1; n <= 2; ++n) {
    const auto response = bench.establish(choosing({.choose_v4 = true}), n);
    ASSERT_EQ(outcome_of(response), kAccepted);
    seids.push_back(read<FSeid>(response.ies)->value().seid);
  }
  EXPECT_EQ(outcome_of(bench.establish(choosing({.choose_v4 = true}), 3)),
            (Outcome{Cause::kAllDynamicAddressesOccupied, IeType::kUeIpAddress,
                     FailedRuleId{RuleType::kPdr, 1}}));
  bench.send(MessageType::kSessionDeletionRequest, {}, seids[0]);
  EXPECT_EQ(outcome_of(bench.establish(choosing({.choose_v4 = true}), 3)), kAccepted);
}

TEST(N4Addresses, those_that_an_smf_chose_are_passed_over) {
  N4Bench bench(with_pools());
  bench.associate();
  ASSERT_EQ(outcome_of(bench.establish(plain_rules(*Ipv4Address::parse("10.50.0.1")), 1)),
            kAccepted);
  const auto response = bench.establish(choosing({.choose_v4 = true}), 2);
  EXPECT_EQ(chosen_address(response, 2).v4->to_string(), "10.50.0.2");
}

TEST(N4Addresses, smfs_are_told_of_the_pools) {
  N4Bench bench(with_pools());
  const auto response = bench.associate();
  EXPECT_NE(read<UpFunctionFeatures>(response.ies)->value().bits & UpFunctionFeatures::kUeAddresses,
            0U);
  const Ie* pool = find(response.ies, IeType::kUeIpAddressPoolInformation);
  ASSERT_NE(pool, nullptr);
  EXPECT_EQ(read<UeIpAddressPoolIdentity>(pool->children)->value().name, "general");
}

TEST(UeAddressPools, configurations_that_cannot_work_are_refused) {
  struct {
    const char* what;
    std::vector<UeAddressPoolConfig> pools;
    const char* field;
  } const cases[] = {
      {"no name", {{.v4 = {prefix("10.0.0.0/24")}}}, "name"},
      {"one name twice", {{.name = "a"}, {.name = "a"}}, "name"},
      {"another family", {{.name = "a", .v4 = {prefix("fd00::/48")}}}, "v4"},
      {"too few", {{.name = "a", .v4 = {prefix("10.0.0.0/31")}}}, "v4"},
      {"overlapping",
       {{.name = "a", .v4 = {prefix("10.0.0.0/24")}}, {.name = "b", .v4 = {prefix("10.0.0.0/8")}}},
       "v4"},
      {"shorter than what is given out",
       {{.name = "a", .v6 = {prefix("fd00::/60")}, .v6_length = 56}},
       "v6"},
      {"longer than /64", {{.name = "a", .v6_length = 80}}, "v6_length"},
  };
  for (const auto& c : cases) {
    const auto good = check(c.pools);
    ASSERT_FALSE(good) << c.what;
    EXPECT_EQ(good.error().field, c.field) << c.what;
  }
}

TEST(UeAddressPools, an_address_is_used_again_as_late_as_possible) {
  UeAddressPools pools({{.name = "a", .v4 = {prefix("10.0.0.0/29")}}});
  const auto none = [](const IpPrefix&) { return false; };
  const auto take = [&] { return *pools.allocate(false, 64, "", {}, none); };
  const auto first = take();
  const auto second = take();
  pools.release(first);
  pools.release(second);
  for (int i = 0; i < 4; ++i) EXPECT_NE(take(), first);
  EXPECT_EQ(take(), first);
}

Ie endpoint(uint8_t id, Ies more = {}) {
  more.insert(more.begin(), ie(TrafficEndpointId{id}));
  return group(IeType::kCreateTrafficEndpoint, std::move(more));
}

Ies rules_with_endpoints() {
  const auto ue = ie(UeIpAddress{.v4 = kUe});
  return {
      endpoint(1, {ie(FTeid{.choose = true, .want_v4 = true}), ie(NetworkInstance{"access"}), ue}),
      endpoint(2, {ie(NetworkInstance{"internet"}), ue}),
      create_pdr(1, {ie(SourceInterface{}), ie(TrafficEndpointId{1})}, 1,
                 {ie(OuterHeaderRemoval{})}),
      create_pdr(2, {ie(SourceInterface{Interface::kCore}), ie(TrafficEndpointId{2})}, 2),
      create_far(1, to_core()),
      create_far(2, to_gnb())};
}

TEST(N4TrafficEndpoints, stand_for_what_their_pdrs_share) {
  N4Bench bench;
  bench.associate();
  const auto response = bench.establish(rules_with_endpoints());
  ASSERT_EQ(outcome_of(response), kAccepted);
  const auto f_teid =
      read<FTeid>(created(response, IeType::kCreatedTrafficEndpoint, ie(TrafficEndpointId{1})));
  ASSERT_TRUE(f_teid);
  const uint64_t seid = read<FSeid>(response.ies)->value().seid;
  const auto spec = [&] { return bench.installer.sessions().begin()->second; };
  EXPECT_EQ(spec().pdrs.at(PdrId(1)).f_teid->teid, f_teid->value().teid);
  EXPECT_EQ(spec().pdrs.at(PdrId(1)).network_instance, "access");
  EXPECT_EQ(spec().pdrs.at(PdrId(2)).ue->v4, kUe);

  EXPECT_EQ(
      outcome_of(bench.modify(
          seid,
          {group(IeType::kUpdateTrafficEndpoint,
                 {ie(TrafficEndpointId{2}), ie(FramedRoute{prefix("172.16.0.0/24")})}),
           create_pdr(3, {ie(SourceInterface{Interface::kCore}), ie(TrafficEndpointId{2})}, 2)})),
      kAccepted);
  EXPECT_EQ(spec().pdrs.at(PdrId(2)).framed_routes, std::vector{prefix("172.16.0.0/24")});
  EXPECT_EQ(spec().pdrs.at(PdrId(3)).framed_routes, std::vector{prefix("172.16.0.0/24")});
  EXPECT_EQ(spec().pdrs.at(PdrId(2)).network_instance, "internet");

  EXPECT_EQ(outcome_of(bench.modify(
                seid, {group(IeType::kRemoveTrafficEndpoint, {ie(TrafficEndpointId{2})})})),
            kAccepted);
  EXPECT_EQ(spec().pdrs.size(), 1U) << "its PDRs go with it";
  EXPECT_EQ(bench.installer.teids().size(), 1U);
  bench.send(MessageType::kSessionDeletionRequest, {}, seid);
  EXPECT_TRUE(bench.installer.teids().empty());
}

TEST(N4TrafficEndpoints, that_are_not_as_they_should_be_are_refused) {
  N4Bench bench;
  bench.associate();
  const auto response = bench.establish(rules_with_endpoints());
  const uint64_t seid = read<FSeid>(response.ies)->value().seid;
  const auto before = bench.installer.sessions();
  const Ie unknown = ie(TrafficEndpointId{9});
  const Outcome failure{Cause::kRuleCreationOrModificationFailure, IeType::kTrafficEndpointId};
  struct {
    const char* what;
    Ie ie;
    Outcome outcome;
  } const cases[] = {
      {"created twice", endpoint(1), failure},
      {"updated without being there", group(IeType::kUpdateTrafficEndpoint, {unknown}), failure},
      {"removed without being there", group(IeType::kRemoveTrafficEndpoint, {unknown}), failure},
      {"another F-TEID of our choice",
       group(IeType::kUpdateTrafficEndpoint,
             {ie(TrafficEndpointId{1}), ie(FTeid{.choose = true, .want_v4 = true})}),
       {Cause::kInvalidFTeidAllocationOption, IeType::kFTeid}},
      {"an address of the PDI's own besides",
       create_pdr(7, {ie(SourceInterface{}), ie(TrafficEndpointId{1}), ie(UeIpAddress{.v4 = kUe})},
                  1),
       {Cause::kMandatoryIeIncorrect, IeType::kUeIpAddress, FailedRuleId{RuleType::kPdr, 7}}},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(outcome_of(bench.modify(seid, {c.ie})), c.outcome) << c.what;
    EXPECT_EQ(bench.installer.sessions(), before) << c.what;
  }
}

TEST(N4FramedRoutes, are_read_as_radius_writes_them) {
  const auto v4 = [](std::string_view text) {
    return IeCodec<FramedRoute>::read(
        Bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  };
  EXPECT_EQ(v4("172.16.9.0/22 10.0.0.1 1")->prefix, prefix("172.16.8.0/22"));
  EXPECT_EQ(v4("192.168.9.0 0.0.0.0 1 2 -1")->prefix, prefix("192.168.9.0/24"));
  EXPECT_EQ(v4("10.0.0.0")->prefix, prefix("10.0.0.0/8"));
  EXPECT_FALSE(v4("fd00::/48 :: 1"));
  EXPECT_FALSE(v4(""));
  N4Bench bench;
  bench.associate();
  Ies rules = plain_rules();
  for (Ie* pdr : {&rules[0], &rules[1]}) {
    pdr->children[2].children.push_back(ie(FramedRoute{prefix("172.16.0.0/24")}));
    pdr->children[2].children.push_back(ie(FramedIpv6Route{prefix("fd80::/48")}));
    pdr->children[2].children.push_back(ie(FramedRouting{0}));
  }
  ASSERT_EQ(outcome_of(bench.establish(rules)), kAccepted);
  EXPECT_EQ(bench.installer.sessions().begin()->second.pdrs.at(PdrId(2)).framed_routes,
            (std::vector{prefix("172.16.0.0/24"), prefix("fd80::/48")}));
}

}  // namespace
}  // namespace sluice::upf::pfcp::testing
