// Sessions over N4: what is accepted and how it is understood.
#include <gtest/gtest.h>

#include "upf-dataplane/pfcp/n4_test_support.h"

namespace sluice::upf::pfcp::testing {
namespace {

const Outcome kAccepted{Cause::kRequestAccepted};

// The session that was installed by a single establishment.
SessionSpec only_session(const N4Bench& bench) {
  EXPECT_EQ(bench.installer.sessions().size(), 1U);
  return bench.installer.sessions().begin()->second;
}

// The elements of a PDI, with an F-TEID that is known instead of one to choose.
void replace_f_teid(Ies& pdi, const LocalFTeid& known) {
  for (Ie& element : pdi) {
    if (element.type == IeType::kFTeid) element = ie(FTeid{.teid = known.teid, .v4 = known.v4});
  }
}

TEST(N4Session, is_installed_as_it_was_asked_for) {
  N4Bench bench;
  bench.associate();
  Ies rules = plain_rules();
  rules.push_back(ie(Dnn{"internet"}));
  rules.push_back(ie(SNssai{{.sst = 1, .sd = 7}}));
  const Message response = bench.establish(rules);

  EXPECT_EQ(outcome_of(response), kAccepted);
  EXPECT_EQ(response.header.seid, kSmfSeid);
  EXPECT_EQ(read<NodeId>(response.ies)->value().fqdn, "upf.example");
  const auto f_seid = read<FSeid>(response.ies)->value();
  EXPECT_EQ(f_seid.v4, kUpfAddress);

  const SessionSpec spec = only_session(bench);
  EXPECT_EQ(spec.seid, Seid(f_seid.seid));
  EXPECT_EQ(spec.dnn, "internet");
  EXPECT_EQ(spec.snssai, (traffic_rules::Snssai{.sst = 1, .sd = 7}));
  const LocalFTeid chosen{*bench.installer.teids().begin(), kN3Address, std::nullopt};
  Pdr uplink{.id = PdrId(1), .precedence = 255, .source = Interface::kAccess};
  uplink.f_teid = chosen;
  uplink.network_instance = "access";
  uplink.ue = UeAddress{.v4 = kUe};
  uplink.remove_outer_header = true;
  uplink.far = FarId(1);
  EXPECT_EQ(spec.pdrs.at(PdrId(1)), uplink);
  Pdr downlink{.id = PdrId(2), .precedence = 255, .source = Interface::kCore};
  downlink.network_instance = "internet";
  downlink.ue = UeAddress{.v4 = kUe};
  downlink.far = FarId(2);
  EXPECT_EQ(spec.pdrs.at(PdrId(2)), downlink);
  EXPECT_EQ(spec.fars.at(FarId(1)),
            (Far{.id = FarId(1), .forward = true, .destination = Interface::kCore}));
  EXPECT_EQ(spec.fars.at(FarId(2)), (Far{.id = FarId(2),
                                         .forward = true,
                                         .destination = Interface::kAccess,
                                         .outer_header = OuterHeader{Teid(0x500), kGnb}}));

  const Ie* created = find(response.ies, IeType::kCreatedPdr);
  ASSERT_NE(created, nullptr);
  EXPECT_EQ(read<PdrId>(created->children)->value(), PdrId(1));
  EXPECT_EQ(read<FTeid>(created->children)->value(),
            (FTeid{.teid = chosen.teid, .v4 = kN3Address}));
}

TEST(N4Session, keeps_every_part_of_a_filter_qer_and_ipv6_address) {
  N4Bench bench;
  bench.associate();
  Ies pdi = downlink_pdi();
  pdi.back() = ie(UeIpAddress{
      .v4 = kUe, .v6 = IpPrefix::parse("2001:db8:45::/56").value(), .is_destination = true});
  pdi.push_back(ie(SdfFilterValue{.flow_description = "permit out 6 from 192.0.2.7 443 to assigned",
                                  .tos = 0xb8fc,
                                  .flow_label = 5}));
  pdi.push_back(ie(SdfFilterValue{.spi = 9}));
  pdi.push_back(ie(Qfi(9)));
  bench.establish({create_pdr(2, pdi, 2, {ie(QerId(4))}), create_far(2, to_gnb()),
                   create_qer(4, {ie(Qfi(7))})});

  const SessionSpec spec = only_session(bench);
  const Pdr& pdr = spec.pdrs.at(PdrId(2));
  EXPECT_EQ(pdr.ue->v6, IpPrefix::parse("2001:db8:45::/56").value());
  ASSERT_EQ(pdr.sdf.size(), 2U);
  SdfFilter first{.protocol = 6, .remote = IpPrefix::parse("192.0.2.7").value()};
  first.remote_ports = {{443, 443}};
  first.tos_value = 0xb8;
  first.tos_mask = 0xfc;
  first.flow_label = 5;
  EXPECT_EQ(pdr.sdf[0], first);
  EXPECT_EQ(pdr.sdf[1], SdfFilter{.spi = 9});
  EXPECT_EQ(pdr.qfis, std::vector{Qfi(9)});
  EXPECT_EQ(pdr.qers, std::vector{QerId(4)});
  EXPECT_EQ(spec.qers.at(QerId(4)), (Qer{.id = QerId(4), .qfi = Qfi(7)}));
  EXPECT_EQ(spec.dnn, "internet") << "from the core side's network instance";
}

TEST(N4Session, keeps_rates_indications_and_markings) {
  N4Bench bench;
  bench.associate();
  Ies to_core_marked = to_core();
  to_core_marked.push_back(ie(TransportLevelMarking{{.tos = 0xb8, .mask = 0xfc}}));
  Ies rules = plain_rules();
  rules[2] = create_far(1, to_core_marked);
  rules.push_back(create_qer(4, {ie(Mbr{{.uplink_kbps = 0xffffffffff, .downlink_kbps = 100}}),
                                 ie(Gbr{{.uplink_kbps = 5, .downlink_kbps = 100}}), ie(Rqi{true}),
                                 ie(PagingPolicyIndicator{3}), ie(AveragingWindow{})}));
  const auto response = bench.establish(rules);
  ASSERT_EQ(outcome_of(response), kAccepted);
  EXPECT_EQ(only_session(bench).fars.at(FarId(1)).marking, (Marking{.tos = 0xb8, .mask = 0xfc}));
  Qer qer{.id = QerId(4)};
  qer.mbr = BitRates{.uplink_kbps = 0xffffffffff, .downlink_kbps = 100};
  qer.gbr = BitRates{.uplink_kbps = 5, .downlink_kbps = 100};
  qer.reflective = true;
  qer.paging_policy = 3;
  EXPECT_EQ(only_session(bench).qers.at(QerId(4)), qer);

  const uint64_t seid = read<FSeid>(response.ies)->value().seid;
  bench.modify(seid, {group(IeType::kUpdateQer,
                            {ie(QerId(4)), ie(Mbr{{.uplink_kbps = 7, .downlink_kbps = 200}})})});
  qer.mbr = BitRates{.uplink_kbps = 7, .downlink_kbps = 200};
  EXPECT_EQ(only_session(bench).qers.at(QerId(4)), qer) << "what is not mentioned stays";
}

TEST(N4Session, chooses_one_f_teid_for_each_choose_id) {
  N4Bench bench;
  bench.associate();
  const auto pdr = [](uint16_t id, std::optional<uint8_t> choose_id) {
    return create_pdr(
        id,
        {ie(SourceInterface{}),
         ie(FTeid{.choose = true, .choose_id = choose_id, .want_v4 = true, .want_v6 = true})},
        1);
  };
  const Message response = bench.establish(
      {pdr(1, 5), pdr(2, 5), pdr(3, 6), pdr(4, std::nullopt), create_far(1, to_core())});

  const auto& pdrs = only_session(bench).pdrs;
  EXPECT_EQ(pdrs.at(PdrId(1)).f_teid, pdrs.at(PdrId(2)).f_teid);
  EXPECT_EQ(pdrs.at(PdrId(1)).f_teid->v6, kN3Address6);
  EXPECT_EQ(bench.installer.teids().size(), 3U);
  EXPECT_EQ(std::ranges::distance(all(response.ies, IeType::kCreatedPdr)), 4);
}

TEST(N4Session, takes_an_f_teid_that_the_smf_chose) {
  N4Bench bench;
  bench.associate();
  const FTeid given{.teid = Teid(0xabcd), .v4 = kN3Address};
  const Message response = bench.establish(
      {create_pdr(1, {ie(SourceInterface{}), ie(given)}, 1), create_far(1, to_core())});
  EXPECT_EQ(outcome_of(response), kAccepted);
  EXPECT_EQ(find(response.ies, IeType::kCreatedPdr), nullptr) << "the SMF knows it";
  EXPECT_EQ(only_session(bench).pdrs.at(PdrId(1)).f_teid->teid, Teid(0xabcd));
  EXPECT_TRUE(bench.installer.teids().empty());
}

TEST(N4Session, gets_its_f_teid_from_the_endpoint_of_its_network_instance) {
  N4Config config = test_config();
  const Ipv4Address special(0xac100001);
  config.gtp_endpoints.push_back({.network_instance = "access", .v4 = special});
  N4Bench bench(config);
  bench.associate();
  bench.establish();
  EXPECT_EQ(only_session(bench).pdrs.at(PdrId(1)).f_teid->v4, special);
}

TEST(N4Session, understands_a_filter_id_as_the_filter_that_had_it) {
  N4Bench bench;
  bench.associate();
  const SdfFilterValue whole{.flow_description = "permit out 17 from any 53 to assigned",
                             .filter_id = 3};
  Ies up = uplink_pdi();
  Ies down = downlink_pdi();
  down.push_back(ie(whole));
  up.push_back(ie(SdfFilterValue{.filter_id = 3}));
  const Message response =
      bench.establish({create_pdr(2, down, 1), create_pdr(1, up, 1), create_far(1, to_core())});
  ASSERT_EQ(outcome_of(response), kAccepted);
  const uint64_t seid = read<FSeid>(response.ies)->value().seid;
  auto spec = only_session(bench);
  EXPECT_EQ(spec.pdrs.at(PdrId(1)).sdf, spec.pdrs.at(PdrId(2)).sdf);
  EXPECT_EQ(spec.pdrs.at(PdrId(1)).sdf.at(0).protocol, 17);

  // A later request gives the filter new content: both PDRs follow.
  down.back() =
      ie(SdfFilterValue{.flow_description = "permit out 6 from any to assigned", .filter_id = 3});
  bench.modify(seid, {group(IeType::kUpdatePdr, {ie(PdrId(2)), group(IeType::kPdi, down)})});
  spec = only_session(bench);
  EXPECT_EQ(spec.pdrs.at(PdrId(1)).sdf.at(0).protocol, 6);
  EXPECT_EQ(spec.pdrs.at(PdrId(2)).sdf.at(0).protocol, 6);
}

TEST(N4Session, a_filter_id_may_stand_before_its_filter) {
  N4Bench bench;
  bench.associate();
  Ies up = uplink_pdi();
  Ies down = downlink_pdi();
  up.push_back(ie(SdfFilterValue{.filter_id = 3}));
  down.push_back(
      ie(SdfFilterValue{.flow_description = "permit out 17 from any to any", .filter_id = 3}));
  ASSERT_EQ(outcome_of(bench.establish(
                {create_pdr(1, up, 1), create_pdr(2, down, 1), create_far(1, to_core())})),
            kAccepted);
  EXPECT_EQ(only_session(bench).pdrs.at(PdrId(1)).sdf.at(0).protocol, 17);
}

TEST(N4Session, modification_creates_updates_and_removes) {
  N4Bench bench;
  bench.associate();
  const uint64_t seid = bench.plain_session();
  const auto before = only_session(bench);

  const Message response = bench.modify(
      seid,
      {group(IeType::kRemovePdr, {ie(PdrId(2))}),
       group(IeType::kUpdateFar,
             {ie(FarId(2)), group(IeType::kUpdateForwardingParameters,
                                  {ie(OuterHeaderCreation::gtp_u(Teid(0x501), kN3Address6))})}),
       group(IeType::kUpdatePdr, {ie(PdrId(1)), ie(Precedence{7}), ie(QerId(9))}),
       create_pdr(3, uplink_pdi(), 2), create_qer(9)});
  EXPECT_EQ(outcome_of(response), kAccepted);
  EXPECT_EQ(response.header.seid, kSmfSeid);

  const SessionSpec after = only_session(bench);
  EXPECT_FALSE(after.pdrs.contains(PdrId(2)));
  Pdr updated = before.pdrs.at(PdrId(1));
  updated.precedence = 7;
  updated.qers = {QerId(9)};
  EXPECT_EQ(after.pdrs.at(PdrId(1)), updated) << "what was not mentioned stays";
  EXPECT_EQ(after.fars.at(FarId(2)).outer_header, (OuterHeader{Teid(0x501), kN3Address6}));
  EXPECT_EQ(after.fars.at(FarId(2)).destination, Interface::kAccess);
  EXPECT_NE(after.pdrs.at(PdrId(3)).f_teid->teid, updated.f_teid->teid);
  EXPECT_EQ(bench.installer.teids().size(), 2U);

  bench.modify(seid,
               {group(IeType::kUpdateQer, {ie(QerId(9)), ie(GateStatus{.uplink_open = false})}),
                group(IeType::kRemovePdr, {ie(PdrId(3))})});
  EXPECT_FALSE(only_session(bench).qers.at(QerId(9)).uplink_open);
  EXPECT_EQ(bench.installer.teids().size(), 1U) << "the TEID of PDR 3 is free again";
}

TEST(N4Session, an_f_teid_that_the_same_request_takes_away_is_not_reported) {
  N4Bench bench;
  bench.associate();
  const uint64_t seid = bench.plain_session();
  const Ies without_tunnel{ie(SourceInterface{Interface::kAccess}), ie(UeIpAddress{.v4 = kUe})};
  const Message response = bench.modify(
      seid, {create_pdr(3, uplink_pdi(), 2),
             group(IeType::kUpdatePdr, {ie(PdrId(3)), group(IeType::kPdi, without_tunnel)})});
  EXPECT_EQ(outcome_of(response), kAccepted);
  EXPECT_EQ(find(response.ies, IeType::kCreatedPdr), nullptr);
  EXPECT_FALSE(only_session(bench).pdrs.at(PdrId(3)).f_teid);
  EXPECT_EQ(bench.installer.teids().size(), 1U) << "its TEID is free again";
}

TEST(N4Session, a_far_may_drop_first_and_forward_later) {
  N4Bench bench;
  bench.associate();
  const auto response = bench.establish(
      {create_pdr(2, downlink_pdi(), 2), create_far(2, to_gnb(), ApplyAction::kDrop)});
  ASSERT_EQ(outcome_of(response), kAccepted);
  EXPECT_FALSE(only_session(bench).fars.at(FarId(2)).forward);
  const uint64_t seid = read<FSeid>(response.ies)->value().seid;
  const auto forward =
      group(IeType::kUpdateFar, {ie(FarId(2)), ie(ApplyAction{ApplyAction::kForward})});
  EXPECT_EQ(outcome_of(bench.modify(seid, {forward})), kAccepted);
  EXPECT_TRUE(only_session(bench).fars.at(FarId(2)).forward);
}

TEST(N4Session, a_far_that_never_had_a_destination_needs_one_to_forward) {
  N4Bench bench;
  bench.associate();
  const Ie dropping =
      group(IeType::kCreateFar, {ie(FarId(2)), ie(ApplyAction{ApplyAction::kDrop})});
  const auto response = bench.establish({create_pdr(2, downlink_pdi(), 2), dropping});
  ASSERT_EQ(outcome_of(response), kAccepted);
  const uint64_t seid = read<FSeid>(response.ies)->value().seid;
  const auto forward_with = [](Ies parameters) {
    return group(IeType::kUpdateFar,
                 {ie(FarId(2)), ie(ApplyAction{ApplyAction::kForward}),
                  group(IeType::kUpdateForwardingParameters, std::move(parameters))});
  };
  const auto refused = bench.modify(seid, {forward_with({ie(NetworkInstance{"n6"})})});
  EXPECT_EQ(outcome_of(refused),
            (Outcome{Cause::kConditionalIeMissing, IeType::kUpdateForwardingParameters,
                     FailedRuleId{RuleType::kFar, 2}}));
  EXPECT_EQ(outcome_of(bench.modify(seid, {forward_with(to_gnb())})), kAccepted);
  EXPECT_TRUE(only_session(bench).fars.at(FarId(2)).forward);
}

TEST(N4Session, deletion_gives_everything_back) {
  N4Bench bench;
  bench.associate();
  const uint64_t seid = bench.plain_session();
  const auto response = bench.send(MessageType::kSessionDeletionRequest, {}, seid).value();
  EXPECT_EQ(outcome_of(response), kAccepted);
  EXPECT_EQ(response.header.seid, kSmfSeid);
  EXPECT_TRUE(bench.installer.sessions().empty());
  EXPECT_TRUE(bench.installer.teids().empty());
  EXPECT_EQ(bench.n4.session_count(), 0U);
}

TEST(N4Session, a_newer_one_of_the_same_smf_takes_over_a_ue_address) {
  N4Bench bench;
  bench.associate();
  const uint64_t older = bench.plain_session();
  const uint64_t newer = bench.plain_session(0x78);
  EXPECT_EQ(bench.n4.session_count(), 1U);
  EXPECT_EQ(bench.n4.associations().begin()->second.sessions, std::set{Seid(newer)});
  EXPECT_EQ(only_session(bench).seid, Seid(newer));
  EXPECT_EQ(bench.installer.teids().size(), 1U) << "the older one's tunnel is free again";
  EXPECT_EQ(bench.n4.counters().sessions_replaced, 1U);
  EXPECT_EQ(outcome_of(bench.modify(older, {})), Outcome{Cause::kSessionContextNotFound});

  bench.plain_session(0x79, kOtherUe);
  EXPECT_EQ(bench.n4.session_count(), 2U) << "another UE replaces nobody";
}

TEST(N4Session, what_is_refused_for_another_reason_replaces_nothing) {
  N4Bench bench;
  bench.associate();
  bench.plain_session();
  bench.installer.fail_next = Error{ErrorCode::kUnsupported, "no", "here"};
  EXPECT_EQ(outcome_of(bench.establish()), Outcome{Cause::kServiceNotSupported});
  EXPECT_EQ(bench.n4.session_count(), 1U);
  EXPECT_EQ(bench.n4.counters().sessions_replaced, 0U);
}

TEST(N4Session, a_ue_address_that_a_modification_gave_up_is_free) {
  N4Bench bench;
  bench.associate();
  const uint64_t moved = bench.plain_session();
  Ies uplink = uplink_pdi(kOtherUe);
  replace_f_teid(uplink, only_session(bench).pdrs.at(PdrId(1)).f_teid.value());
  const auto update = [](uint16_t id, const Ies& pdi) {
    return group(IeType::kUpdatePdr, {ie(PdrId(id)), group(IeType::kPdi, pdi)});
  };
  EXPECT_EQ(outcome_of(bench.modify(moved, {update(1, uplink), update(2, downlink_pdi(kOtherUe))})),
            kAccepted);
  bench.plain_session(0x78, kUe);
  EXPECT_EQ(bench.n4.session_count(), 2U);
  bench.plain_session(0x79, kOtherUe);
  EXPECT_EQ(bench.n4.session_count(), 2U);
  EXPECT_EQ(outcome_of(bench.modify(moved, {})), Outcome{Cause::kSessionContextNotFound});
}

TEST(N4Session, answers_go_to_the_f_seid_that_the_smf_has_now) {
  N4Bench bench;
  bench.associate();
  const uint64_t seid = bench.plain_session();
  EXPECT_EQ(bench.modify(seid, {ie(FSeid{.seid = 0x99, .v4 = kSmfAddress})}).header.seid, 0x99U);
  EXPECT_EQ(bench.modify(seid, {}).header.seid, 0x99U);
}

TEST(N4Session, unknown_and_vendor_elements_are_ignored) {
  N4Bench bench;
  bench.associate();
  Ies rules = plain_rules();
  rules.push_back({.type = static_cast<IeType>(999), .value = {1, 2}});
  rules.push_back({.type = static_cast<IeType>(0x8005), .enterprise_id = 1, .value = {1}});
  rules.front().children.push_back({.type = static_cast<IeType>(998)});
  EXPECT_EQ(outcome_of(bench.establish(rules)), kAccepted);
}

}  // namespace
}  // namespace sluice::upf::pfcp::testing
