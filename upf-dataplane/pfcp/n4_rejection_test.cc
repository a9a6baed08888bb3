// Sessions over N4: what is refused, how that is told, and that nothing changed.
#include <gtest/gtest.h>

#include "upf-dataplane/pfcp/endpoint_values.h"
#include "upf-dataplane/pfcp/monitoring_values.h"
#include "upf-dataplane/pfcp/n4_test_support.h"

namespace sluice::upf::pfcp::testing {
namespace {

constexpr FailedRuleId pdr(uint16_t id) { return {RuleType::kPdr, id}; }
constexpr FailedRuleId far(uint32_t id) { return {RuleType::kFar, id}; }
constexpr FailedRuleId urr(uint32_t id) { return {RuleType::kUrr, id}; }
constexpr FailedRuleId qer(uint32_t id) { return {RuleType::kQer, id}; }

Ie plain(IeType type, std::vector<uint8_t> value = {0}) {
  return {.type = type, .value = std::move(value)};
}

// The rules with one more element in the first group of a type, or in a group within it.
Ies with(IeType where, Ie more, IeType inner = {}) {
  Ies rules = plain_rules();
  for (Ie& rule : rules) {
    if (rule.type != where) continue;
    Ie* target = &rule;
    for (Ie& child : rule.children) {
      if (child.type == inner) target = &child;
    }
    target->children.push_back(std::move(more));
    break;
  }
  return rules;
}

// The rules with the first element of a type, in any group, replaced or (nullopt) removed.
bool replace_in(Ies& ies, IeType type, const std::optional<Ie>& by) {
  for (auto it = ies.begin(); it != ies.end(); ++it) {
    if (it->type == type) {
      if (by) {
        *it = *by;
      } else {
        ies.erase(it);
      }
      return true;
    }
    if (replace_in(it->children, type, by)) return true;
  }
  return false;
}
Ies with_instead(IeType type, const Ie& by) {
  Ies rules = plain_rules();
  replace_in(rules, type, by);
  return rules;
}
Ies without(IeType type) {
  Ies rules = plain_rules();
  replace_in(rules, type, std::nullopt);
  return rules;
}
Ies plus(Ie more) {
  Ies rules = plain_rules();
  rules.push_back(std::move(more));
  return rules;
}

struct Case {
  const char* what;
  Ies rules;
  Outcome outcome;
};

std::vector<Case> missing_and_malformed() {
  using enum Cause;
  return {
      {"no Create PDR", {create_far(1, to_core())}, {kMandatoryIeMissing, IeType::kCreatePdr}},
      {"no Create FAR",
       {create_pdr(1, uplink_pdi(), 1)},
       {kMandatoryIeMissing, IeType::kCreateFar}},
      {"a PDR without id", without(IeType::kPdrId), {kMandatoryIeMissing, IeType::kPdrId}},
      {"a PDR without precedence",
       without(IeType::kPrecedence),
       {kMandatoryIeMissing, IeType::kPrecedence, pdr(1)}},
      {"a PDR without PDI", without(IeType::kPdi), {kMandatoryIeMissing, IeType::kPdi, pdr(1)}},
      {"a PDI without source",
       without(IeType::kSourceInterface),
       {kMandatoryIeMissing, IeType::kSourceInterface, pdr(1)}},
      {"a PDR without FAR",
       without(IeType::kFarId),
       {kConditionalIeMissing, IeType::kFarId, pdr(1)}},
      {"a FAR without action",
       without(IeType::kApplyAction),
       {kMandatoryIeMissing, IeType::kApplyAction, far(1)}},
      {"a FAR that forwards nowhere",
       without(IeType::kForwardingParameters),
       {kConditionalIeMissing, IeType::kForwardingParameters, far(1)}},
      {"a QER without gates",
       plus(group(IeType::kCreateQer, {ie(QerId(3))})),
       {kMandatoryIeMissing, IeType::kGateStatus, qer(3)}},
      {"a URR without id",
       plus(group(IeType::kCreateUrr, {})),
       {kMandatoryIeMissing, IeType::kUrrId}},
      {"a URR that measures nothing",
       plus(group(IeType::kCreateUrr,
                  {ie(UrrId(3)), ie(MeasurementMethod{}), ie(ReportingTriggersValue{})})),
       {kMandatoryIeIncorrect, IeType::kMeasurementMethod, urr(3)}},
      {"periodic reports without period",
       plus(create_urr(3, ReportingTriggers::kPeriodic)),
       {kConditionalIeMissing, IeType::kMeasurementPeriod, urr(3)}},
      {"a PDR id cut off",
       with_instead(IeType::kPdrId, plain(IeType::kPdrId)),
       {kInvalidLength, IeType::kPdrId}},
      {"an F-TEID cut off",
       with_instead(IeType::kFTeid, plain(IeType::kFTeid, {1, 0, 0})),
       {kInvalidLength, IeType::kFTeid, pdr(1)}},
      {"neither DROP nor FORW",
       with_instead(IeType::kApplyAction, ie(ApplyAction{0})),
       {kMandatoryIeIncorrect, IeType::kApplyAction, far(1)}},
      {"DROP and FORW",
       with_instead(IeType::kApplyAction, ie(ApplyAction{3})),
       {kMandatoryIeIncorrect, IeType::kApplyAction, far(1)}},
      {"forwarding and buffering",
       with_instead(IeType::kApplyAction,
                    ie(ApplyAction{ApplyAction::kForward | ApplyAction::kBuffer})),
       {kMandatoryIeIncorrect, IeType::kApplyAction, far(1)}},
      {"telling of packets that are not buffered",
       with_instead(IeType::kApplyAction,
                    ie(ApplyAction{ApplyAction::kForward | ApplyAction::kNotifyCp})),
       {kMandatoryIeIncorrect, IeType::kApplyAction, far(1)}},
      {"a tunnel with TEID 0",
       with_instead(IeType::kOuterHeaderCreation, ie(OuterHeaderCreation::gtp_u(Teid(0), kGnb))),
       {kMandatoryIeIncorrect, IeType::kOuterHeaderCreation, far(2)}},
      {"a tunnel to nowhere",
       with_instead(IeType::kOuterHeaderCreation,
                    ie(OuterHeaderCreation::gtp_u(Teid(1), Ipv4Address()))),
       {kMandatoryIeIncorrect, IeType::kOuterHeaderCreation, far(2)}},
      {"a traffic endpoint without id",
       plus(group(IeType::kCreateTrafficEndpoint, {})),
       {kMandatoryIeMissing, IeType::kTrafficEndpointId}},
      {"a traffic endpoint that is not there",
       with(IeType::kCreatePdr, ie(TrafficEndpointId{3}), IeType::kPdi),
       {kRuleCreationOrModificationFailure, IeType::kTrafficEndpointId, pdr(1)}},
      {"a framed route that is none",
       with(IeType::kCreatePdr, plain(IeType::kFramedRoute), IeType::kPdi),
       {kMandatoryIeIncorrect, IeType::kFramedRoute, pdr(1)}},
      {"an IPv4 framed route as IPv6",
       with(IeType::kCreatePdr,
            plain(IeType::kFramedIPv6Route, {'1', '.', '2', '.', '3', '.', '4', '/', '8'}),
            IeType::kPdi),
       {kMandatoryIeIncorrect, IeType::kFramedIPv6Route, pdr(1)}},
      {"a UE address without address",
       with_instead(IeType::kUeIpAddress, ie(UeIpAddress{})),
       {kMandatoryIeIncorrect, IeType::kUeIpAddress, pdr(1)}},
  };
}

std::vector<Case> bad_filters() {
  using enum Cause;
  const Outcome refused{kMandatoryIeIncorrect, IeType::kSdfFilter, pdr(1)};
  const auto filter = [](SdfFilterValue value) {
    return with(IeType::kCreatePdr, ie(value), IeType::kPdi);
  };
  Ies two = filter({.flow_description = "permit out ip from any to any", .filter_id = 1});
  two.insert(
      two.begin() + 1,
      create_pdr(
          9,
          {ie(SourceInterface{}),
           ie(SdfFilterValue{.flow_description = "permit out 6 from any to any", .filter_id = 1})},
          1));
  return {
      {"a malformed flow description", filter({.flow_description = "permit out tcp"}), refused},
      {"an empty flow description", filter({.flow_description = ""}), refused},
      {"a filter of nothing", filter({}), refused},
      {"a reference to no filter", filter({.filter_id = 9}), refused},
      {"a ToS outside its mask", filter({.tos = 0xfff0}), refused},
      {"a filter cut off",
       with(IeType::kCreatePdr, plain(IeType::kSdfFilter, {1, 0, 0, 9, 'p'}), IeType::kPdi),
       {kInvalidLength, IeType::kSdfFilter, pdr(1)}},
      {"one id for two filters", two, {kMandatoryIeIncorrect, IeType::kSdfFilter, pdr(9)}},
  };
}

std::vector<Case> unsupported() {
  using enum Cause;
  const auto in_pdi = [](Ie more) { return with(IeType::kCreatePdr, more, IeType::kPdi); };
  const auto in_parameters = [](Ie more) {
    return with(IeType::kCreateFar, more, IeType::kForwardingParameters);
  };
  Ies in_pdi_two_endpoints = in_pdi(ie(TrafficEndpointId{1}));
  in_pdi_two_endpoints[0].children[2].children.push_back(ie(TrafficEndpointId{2}));
  const auto pdr_lacks = [](IeType type) { return Outcome{kServiceNotSupported, type, pdr(1)}; };
  const auto far_lacks = [](IeType type) { return Outcome{kServiceNotSupported, type, far(1)}; };
  const auto lacks = [](IeType type) { return Outcome{kServiceNotSupported, type}; };
  return {
      {"Create MAR", plus(group(IeType::kCreateMar, {})), lacks(IeType::kCreateMar)},
      {"an inactivity timer", plus(plain(IeType::kUserPlaneInactivityTimer)),
       lacks(IeType::kUserPlaneInactivityTimer)},
      {"tracing", plus(plain(IeType::kTraceInformation)), lacks(IeType::kTraceInformation)},
      {"an Ethernet session", plus(ie(PdnType{PdnType::kEthernet})), lacks(IeType::kPdnType)},
      {"restoration", plus(plain(IeType::kPfcpSeReqFlags, {1})), lacks(IeType::kPfcpSeReqFlags)},
      {"a GBR above the MBR",
       plus(create_qer(3, {ie(Mbr{{.uplink_kbps = 10, .downlink_kbps = 10}}),
                           ie(Gbr{{.uplink_kbps = 10, .downlink_kbps = 11}})})),
       {kMandatoryIeIncorrect, IeType::kGbr, qer(3)}},
      {"an MBR cut off",
       plus(create_qer(3, {plain(IeType::kMbr)})),
       {kInvalidLength, IeType::kMbr, qer(3)}},
      {"a window that is too short",
       plus(create_qer(3, {ie(AveragingWindow{std::chrono::milliseconds(10)})})),
       {kServiceNotSupported, IeType::kAveragingWindow, qer(3)}},
      {"Ethernet in the triggers",
       plus(create_urr(3, 0x0800)),
       {kServiceNotSupported, IeType::kReportingTriggers, urr(3)}},
      {"dropped downlink traffic without threshold",
       plus(create_urr(3, ReportingTriggers::kDroppedDownlink)),
       {kConditionalIeMissing, IeType::kDroppedDlTrafficThreshold, urr(3)}},
      {"dropped downlink traffic of nothing",
       plus(create_urr(3, ReportingTriggers::kDroppedDownlink,
                       {ie(DroppedDlTrafficThreshold{{.packets = 0}})})),
       {kMandatoryIeIncorrect, IeType::kDroppedDlTrafficThreshold, urr(3)}},
      {"no report at all",
       plus(create_urr(3, 0, {ie(NumberOfReports{0})})),
       {kMandatoryIeIncorrect, IeType::kNumberOfReports, urr(3)}},
      {"an additional monitoring time alone",
       plus(create_urr(3, 0, {group(IeType::kAdditionalMonitoringTime, {ie(MonitoringTime{})})})),
       {kConditionalIeMissing, IeType::kMonitoringTime, urr(3)}},
      {"an additional monitoring time without time",
       plus(create_urr(3, 0, {ie(MonitoringTime{}), group(IeType::kAdditionalMonitoringTime, {})})),
       {kMandatoryIeMissing, IeType::kMonitoringTime, urr(3)}},
      {"two monitoring times that are one",
       plus(create_urr(3, 0,
                       {ie(MonitoringTime{}),
                        group(IeType::kAdditionalMonitoringTime, {ie(MonitoringTime{})})})),
       {kMandatoryIeIncorrect, IeType::kAdditionalMonitoringTime, urr(3)}},
      {"aggregation",
       plus(create_urr(3, 0, {group(IeType::kAggregatedUrrs, {})})),
       {kServiceNotSupported, IeType::kAggregatedUrrs, urr(3)}},
      {"a monitoring time cut off",
       plus(create_urr(3, 0, {plain(IeType::kMonitoringTime)})),
       {kInvalidLength, IeType::kMonitoringTime, urr(3)}},
      {"a subsequent threshold without monitoring time",
       plus(create_urr(3, 0, {ie(SubsequentTimeThreshold{7})})),
       {kConditionalIeMissing, IeType::kMonitoringTime, urr(3)}},
      {"a volume threshold of zero",
       plus(create_urr(3, ReportingTriggers::kVolumeThreshold,
                       {ie(VolumeThreshold{{.total = 9, .uplink = 0}})})),
       {kMandatoryIeIncorrect, IeType::kVolumeThreshold, urr(3)}},
      {"a time threshold of zero",
       plus(create_urr(3, ReportingTriggers::kTimeThreshold, {ie(TimeThreshold{0})})),
       {kMandatoryIeIncorrect, IeType::kTimeThreshold, urr(3)}},
      {"an event threshold of zero",
       plus(create_urr(3, ReportingTriggers::kEventThreshold, {ie(EventThreshold{0})})),
       {kMandatoryIeIncorrect, IeType::kEventThreshold, urr(3)}},
      {"reduced application detection",
       plus(create_urr(3, 0, {ie(MeasurementInformation{0x04})})),
       {kServiceNotSupported, IeType::kMeasurementInformation, urr(3)}},
      {"predefined rules",
       with(IeType::kCreatePdr, plain(IeType::kActivatePredefinedRules)),
       {kUnknownPredefinedRule, IeType::kActivatePredefinedRules, pdr(1)}},
      {"an application",
       in_pdi(plain(IeType::kApplicationId)),
       {kUnknownApplicationId, IeType::kApplicationId, pdr(1)}},
      {"an Ethernet filter", in_pdi(group(IeType::kEthernetPacketFilter, {})),
       pdr_lacks(IeType::kEthernetPacketFilter)},
      {"a 5G VN source",
       with_instead(IeType::kSourceInterface, plain(IeType::kSourceInterface, {4})),
       pdr_lacks(IeType::kSourceInterface)},
      {"two traffic endpoints", in_pdi_two_endpoints, pdr_lacks(IeType::kTrafficEndpointId)},
      {"a UE address of our choice, without pools",
       with_instead(IeType::kUeIpAddress, ie(UeIpAddress{.choose_v4 = true})),
       pdr_lacks(IeType::kUeIpAddress)},
      {"two UE addresses", in_pdi(ie(UeIpAddress{.v4 = kGnb})), pdr_lacks(IeType::kUeIpAddress)},
      {"removal of a VLAN tag",
       with_instead(IeType::kOuterHeaderRemoval, ie(OuterHeaderRemoval{OuterHeaderKind::kVlanTag})),
       pdr_lacks(IeType::kOuterHeaderRemoval)},
      {"forwarding and duplicating",
       with_instead(IeType::kApplyAction,
                    ie(ApplyAction{ApplyAction::kForward | ApplyAction::kDuplicate})),
       {kConditionalIeMissing, IeType::kDuplicatingParameters, far(1)}},
      {"an action of the second octet",
       with_instead(IeType::kApplyAction, ie(ApplyAction{ApplyAction::kForward | 0x0400})),
       far_lacks(IeType::kApplyAction)},
      {"duplicating parameters",
       with(IeType::kCreateFar, group(IeType::kDuplicatingParameters, {})),
       {kMandatoryIeMissing, IeType::kDestinationInterface, far(1)}},
      {"copies without a tunnel",
       with(IeType::kCreateFar,
            group(IeType::kDuplicatingParameters, {ie(DestinationInterface{Interface::kCore})})),
       far_lacks(IeType::kOuterHeaderCreation)},
      {"redirection of SIP",
       in_parameters(plain(IeType::kRedirectInformation, {3, 0, 5, 's', 'i', 'p', ':', 'a'})),
       far_lacks(IeType::kRedirectInformation)},
      {"redirection to a group",
       in_parameters(plain(IeType::kRedirectInformation,
                           {0, 0, 9, '2', '2', '4', '.', '0', '.', '0', '.', '1'})),
       {kMandatoryIeIncorrect, IeType::kRedirectInformation, far(1)}},
      {"redirection to a name as an address",
       in_parameters(plain(IeType::kRedirectInformation, {1, 0, 3, 'a', '.', 'b'})),
       {kMandatoryIeIncorrect, IeType::kRedirectInformation, far(1)}},
      {"redirection by a URL that splits a header",
       in_parameters(plain(IeType::kRedirectInformation,
                           {2, 0, 10, 'h', 't', 't', 'p', ':', '/', '/', 'a', '\r', '\n'})),
       {kMandatoryIeIncorrect, IeType::kRedirectInformation, far(1)}},
      {"redirection to nothing",
       in_parameters(plain(IeType::kRedirectInformation, {})),
       {kInvalidLength, IeType::kRedirectInformation, far(1)}},
      {"redirection cut off",
       in_parameters(
           plain(IeType::kRedirectInformation, {4, 0, 7, '9', '.', '9', '.', '9', '.', '9', 0, 9})),
       {kInvalidLength, IeType::kRedirectInformation, far(1)}},
      {"a forwarding policy",
       in_parameters(plain(IeType::kForwardingPolicy)),
       {kInvalidForwardingPolicy, IeType::kForwardingPolicy, far(1)}},
      {"half a transport marking",
       in_parameters(plain(IeType::kTransportLevelMarking)),
       {kInvalidLength, IeType::kTransportLevelMarking, far(1)}},
      {"a UDP tunnel to no port",
       with_instead(IeType::kOuterHeaderCreation,
                    ie(OuterHeaderCreation{
                        .description = OuterHeaderCreation::kUdpIpv4, .v4 = kGnb, .port = 0})),
       {kMandatoryIeIncorrect, IeType::kOuterHeaderCreation, far(2)}},
      {"a UDP tunnel that passes for GTP-U",
       with_instead(IeType::kOuterHeaderCreation,
                    ie(OuterHeaderCreation{
                        .description = OuterHeaderCreation::kUdpIpv4, .v4 = kGnb, .port = 2152})),
       {kServiceNotSupported, IeType::kOuterHeaderCreation, far(2)}},
      {"two outer headers at once",
       with_instead(IeType::kOuterHeaderCreation,
                    ie(OuterHeaderCreation{.description = OuterHeaderCreation::kUdpIpv4 |
                                                          OuterHeaderCreation::kGtpUUdpIpv4,
                                           .teid = Teid(1),
                                           .v4 = kGnb,
                                           .port = 1})),
       {kMandatoryIeIncorrect, IeType::kOuterHeaderCreation, far(2)}},
      {"an IP tunnel",
       with_instead(IeType::kOuterHeaderCreation,
                    ie(OuterHeaderCreation{.description = OuterHeaderCreation::kIpv4, .v4 = kGnb})),
       {kServiceNotSupported, IeType::kOuterHeaderCreation, far(2)}},
  };
}

std::vector<Case> inconsistent() {
  using enum Cause;
  const FTeid foreign{.teid = Teid(5), .v4 = kGnb};
  const FTeid zero{.teid = Teid(0), .v4 = kN3Address};
  const auto choose = [](bool v4, bool v6) {
    return ie(FTeid{.choose = true, .choose_id = 1, .want_v4 = v4, .want_v6 = v6});
  };
  Ies twice = with_instead(IeType::kFTeid, choose(true, false));
  twice.push_back(create_pdr(9, {ie(SourceInterface{}), choose(true, true)}, 1));
  return {
      {"a PDR of no FAR",
       {create_pdr(1, uplink_pdi(), 7), create_far(1, to_core())},
       {kRuleCreationOrModificationFailure, IeType::kFarId, pdr(1)}},
      {"a PDR of no QER",
       with(IeType::kCreatePdr, ie(QerId(8))),
       {kRuleCreationOrModificationFailure, IeType::kQerId, pdr(1)}},
      {"a FAR of no BAR",
       with(IeType::kCreateFar, ie(BarId(8))),
       {kRuleCreationOrModificationFailure, IeType::kBarId, far(1)}},
      {"a quota action of no FAR",
       plus(create_urr(3, 0, {ie(FarId(8))})),
       {kRuleCreationOrModificationFailure, IeType::kFarId, urr(3)}},
      {"a PDR of no URR",
       with(IeType::kCreatePdr, ie(UrrId(8))),
       {kRuleCreationOrModificationFailure, IeType::kUrrId, pdr(1)}},
      {"a PDR twice",
       plus(create_pdr(2, downlink_pdi(), 2)),
       {kRuleCreationOrModificationFailure, IeType::kPdrId, pdr(2)}},
      {"a FAR twice",
       plus(create_far(2, to_core())),
       {kRuleCreationOrModificationFailure, IeType::kFarId, far(2)}},
      {"an F-TEID of somebody else",
       with_instead(IeType::kFTeid, ie(foreign)),
       {kMandatoryIeIncorrect, IeType::kFTeid, pdr(1)}},
      {"TEID 0",
       with_instead(IeType::kFTeid, ie(zero)),
       {kMandatoryIeIncorrect, IeType::kFTeid, pdr(1)}},
      {"a CHOOSE ID of two minds", twice, {kInvalidFTeidAllocationOption, IeType::kFTeid, pdr(9)}},
      {"a new rule to update",
       plus(group(IeType::kUpdatePdr,
                  {ie(PdrId(1)), group(IeType::kPdi, {ie(SourceInterface{Interface::kAccess})})})),
       {kServiceNotSupported, IeType::kUpdatePdr}},
      {"a new rule to remove",
       plus(group(IeType::kRemoveFar, {ie(FarId(2))})),
       {kServiceNotSupported, IeType::kRemoveFar}},
  };
}

class N4Rejection : public ::testing::TestWithParam<std::vector<Case> (*)()> {};

TEST_P(N4Rejection, of_an_establishment_names_cause_and_place_and_leaves_nothing) {
  for (const auto& c : GetParam()()) {
    N4Bench bench;
    bench.associate();
    const Message response = bench.establish(c.rules);
    EXPECT_EQ(outcome_of(response), c.outcome)
        << c.what << ": cause " << static_cast<int>(outcome_of(response).cause) << ", "
        << to_string(outcome_of(response).offending);
    EXPECT_EQ(response.header.seid, kSmfSeid) << c.what;
    EXPECT_TRUE(bench.installer.sessions().empty()) << c.what;
    EXPECT_TRUE(bench.installer.teids().empty()) << c.what << " keeps a TEID";
    EXPECT_EQ(bench.n4.session_count(), 0U) << c.what;
  }
}

INSTANTIATE_TEST_SUITE_P(All, N4Rejection,
                         ::testing::Values(&missing_and_malformed, &bad_filters, &unsupported,
                                           &inconsistent));

struct ModificationCase {
  const char* what;
  Ies ies;
  Outcome outcome;
};

TEST(N4Session, a_refused_modification_changes_nothing) {
  using enum Cause;
  const Ie new_pdr = create_pdr(9, uplink_pdi(), 1);
  for (const auto& c : std::vector<ModificationCase>{
           {"a FAR that is used is removed",
            {new_pdr, group(IeType::kRemoveFar, {ie(FarId(1))})},
            {kRuleCreationOrModificationFailure, IeType::kFarId, pdr(1)}},
           {"a FAR that a quota needs is removed",
            {create_far(7, to_core()), create_urr(3, 0, {ie(FarId(8))}),
             group(IeType::kRemoveFar, {ie(FarId(1))})},
            {kRuleCreationOrModificationFailure, IeType::kFarId, urr(3)}},
           {"an unknown PDR is removed",
            {new_pdr, group(IeType::kRemovePdr, {ie(PdrId(77))})},
            {kRuleCreationOrModificationFailure, IeType::kPdrId, pdr(77)}},
           {"an unknown PDR is updated",
            {new_pdr, group(IeType::kUpdatePdr, {ie(PdrId(77))})},
            {kRuleCreationOrModificationFailure, IeType::kPdrId, pdr(77)}},
           {"an unknown FAR is updated",
            {new_pdr, group(IeType::kUpdateFar, {ie(FarId(9))})},
            {kRuleCreationOrModificationFailure, IeType::kFarId, far(9)}},
           {"an update without id",
            {new_pdr, group(IeType::kUpdateQer, {})},
            {kMandatoryIeMissing, IeType::kQerId}},
           {"an F-TEID is to be chosen again",
            {new_pdr, group(IeType::kUpdatePdr, {ie(PdrId(1)), group(IeType::kPdi, uplink_pdi())})},
            {kInvalidFTeidAllocationOption, IeType::kFTeid, pdr(1)}},
           {"what a FAR cannot be asked for",
            {new_pdr, group(IeType::kUpdateFar,
                            {ie(FarId(2)), group(IeType::kUpdateForwardingParameters,
                                                 {plain(IeType::kPfcpSmReqFlags, {4})})})},
            {kMandatoryIeIncorrect, IeType::kPfcpSmReqFlags, far(2)}},
           {"the usage of an unknown URR is asked for",
            {new_pdr, group(IeType::kQueryUrr, {ie(UrrId(9))})},
            {kRuleCreationOrModificationFailure, IeType::kUrrId, urr(9)}},
           {"another SMF takes over",
            {new_pdr, ie(NodeId{.fqdn = "other"})},
            {kServiceNotSupported, IeType::kNodeId}},
       }) {
    N4Bench bench;
    bench.associate();
    const uint64_t seid = bench.plain_session();
    const auto sessions = bench.installer.sessions();
    const auto teids = bench.installer.teids();
    const Message response = bench.modify(seid, c.ies);
    EXPECT_EQ(outcome_of(response), c.outcome)
        << c.what << ": cause " << static_cast<int>(outcome_of(response).cause);
    EXPECT_EQ(response.header.seid, kSmfSeid) << c.what;
    EXPECT_EQ(bench.installer.sessions(), sessions) << c.what;
    EXPECT_EQ(bench.installer.teids(), teids) << c.what;
    EXPECT_EQ(bench.installer.installs(), 1U) << c.what;
  }
}

}  // namespace
}  // namespace sluice::upf::pfcp::testing
