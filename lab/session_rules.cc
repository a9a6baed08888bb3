#include "lab/session_rules.h"

#include "upf-dataplane/pfcp/ie_access.h"

namespace sluice::lab {

namespace pfcp = upf::pfcp;
using pfcp::group;
using pfcp::ie;
using pfcp::IeType;

namespace {

constexpr upf::PdrId kUplinkPdr(1);
constexpr upf::PdrId kDownlinkPdr(2);
constexpr upf::FarId kUplinkFar(1);
constexpr upf::FarId kDownlinkFar(2);
constexpr upf::QerId kQer(1);
constexpr pfcp::Precedence kPrecedence{255};

pfcp::UeIpAddress ue_address(const SessionPlan& plan, bool is_destination) {
  return {.v4 = plan.ue_v4, .v6 = plan.ue_v6, .is_destination = is_destination};
}

pfcp::FTeid choose_f_teid(bool v4) {
  pfcp::FTeid out;
  out.choose = true;
  out.want_v4 = v4;
  out.want_v6 = !v4;
  return out;
}

void add_filters(const SessionPlan& plan, std::vector<pfcp::Ie>& pdi) {
  for (const auto& filter : plan.sdf_filters) {
    pdi.push_back(ie(pfcp::SdfFilterValue{.flow_description = filter}));
  }
}

pfcp::Ie uplink_pdr(const SessionPlan& plan) {
  const bool v4 = plan.gnb.is_v4();
  std::vector<pfcp::Ie> pdi{
      ie(pfcp::SourceInterface{upf::Interface::kAccess}),
      ie(choose_f_teid(v4)),
      ie(ue_address(plan, false)),
      ie(upf::Qfi(plan.qfi)),
  };
  add_filters(plan, pdi);
  return group(IeType::kCreatePdr,
               {ie(kUplinkPdr), ie(kPrecedence), group(IeType::kPdi, std::move(pdi)),
                ie(pfcp::OuterHeaderRemoval{v4 ? pfcp::OuterHeaderKind::kGtpUUdpIpv4
                                               : pfcp::OuterHeaderKind::kGtpUUdpIpv6}),
                ie(kUplinkFar), ie(kQer)});
}

pfcp::Ie downlink_pdr(const SessionPlan& plan) {
  std::vector<pfcp::Ie> pdi{
      ie(pfcp::SourceInterface{upf::Interface::kCore}),
      ie(ue_address(plan, true)),
  };
  add_filters(plan, pdi);
  return group(IeType::kCreatePdr,
               {ie(kDownlinkPdr), ie(kPrecedence), group(IeType::kPdi, std::move(pdi)),
                ie(kDownlinkFar), ie(kQer)});
}

pfcp::Ie uplink_far() {
  return group(IeType::kCreateFar,
               {ie(kUplinkFar), ie(pfcp::ApplyAction{pfcp::ApplyAction::kForward}),
                group(IeType::kForwardingParameters,
                      {ie(pfcp::DestinationInterface{upf::Interface::kCore})})});
}

pfcp::Ie downlink_far(const SessionPlan& plan) {
  return group(IeType::kCreateFar,
               {ie(kDownlinkFar), ie(pfcp::ApplyAction{pfcp::ApplyAction::kForward}),
                group(IeType::kForwardingParameters,
                      {ie(pfcp::DestinationInterface{upf::Interface::kAccess}),
                       ie(pfcp::OuterHeaderCreation::gtp_u(upf::Teid(plan.downlink_teid.value()),
                                                           plan.gnb))})});
}

pfcp::FSeid f_seid(const SessionPlan& plan) {
  pfcp::FSeid out{.seid = plan.cp_seid};
  if (plan.smf.is_v4()) {
    out.v4 = plan.smf.v4();
  } else {
    out.v6 = plan.smf.v6();
  }
  return out;
}

// A mandatory value of a response.
template <typename T>
Result<T> required(std::span<const pfcp::Ie> ies) {
  const auto value = pfcp::read<T>(ies);
  const auto name = pfcp::to_string(pfcp::IeCodec<T>::kType);
  if (!value) return fail(ErrorCode::kInternal, "the response lacks {}", name);
  if (!*value) return fail(ErrorCode::kInternal, "{}: {}", name, value->error().reason);
  return **value;
}

bool may_pass(pfcp::Cause cause) {
  return cause == pfcp::Cause::kNoEstablishedAssociation ||
         cause == pfcp::Cause::kEntityInCongestion || cause == pfcp::Cause::kNoResourcesAvailable;
}

}  // namespace

pfcp::Message establishment_request(const SessionPlan& plan) {
  pfcp::Message message;
  message.header.type = pfcp::MessageType::kSessionEstablishmentRequest;
  message.header.seid = 0;  // TS 29.244 §7.2.2.4.2: the UPF's SEID is not known yet
  message.ies = {
      ie(pfcp::NodeId{.address = plan.smf}),
      ie(f_seid(plan)),
      uplink_pdr(plan),
      downlink_pdr(plan),
      uplink_far(),
      downlink_far(plan),
      group(IeType::kCreateQer, {ie(kQer), ie(pfcp::GateStatus{}), ie(upf::Qfi(plan.qfi))}),
      ie(pfcp::PdnType{pfcp::PdnType::kIpv4v6}),
  };
  if (!plan.dnn.empty()) message.ies.push_back(ie(pfcp::Dnn{plan.dnn}));
  return message;
}

pfcp::Message deletion_request(uint64_t up_seid) {
  pfcp::Message message;
  message.header.type = pfcp::MessageType::kSessionDeletionRequest;
  message.header.seid = up_seid;
  return message;
}

Result<void> check_cause(const pfcp::Message& response) {
  const auto cause = required<pfcp::Cause>(response.ies);
  if (!cause) return std::unexpected(cause.error());
  if (pfcp::is_accepted(*cause)) return {};
  std::string text(pfcp::cause_name(*cause));
  if (const auto offending = pfcp::read<pfcp::OffendingIe>(response.ies); offending && *offending) {
    text += ", offending IE " + pfcp::to_string((*offending)->type);
  }
  return fail(may_pass(*cause) ? ErrorCode::kUnavailable : ErrorCode::kInvalidArgument, "{}", text);
}

Result<EstablishedSession> read_establishment(const pfcp::Message& response,
                                              const SessionPlan& plan) {
  if (auto accepted = check_cause(response); !accepted) return std::unexpected(accepted.error());
  const auto up = required<pfcp::FSeid>(response.ies);
  if (!up) return std::unexpected(up.error());
  for (const auto& created : pfcp::all(response.ies, IeType::kCreatedPdr)) {
    const auto id = required<upf::PdrId>(created.children);
    if (!id || *id != kUplinkPdr) continue;
    const auto f_teid = required<pfcp::FTeid>(created.children);
    if (!f_teid) return std::unexpected(f_teid.error());
    UplinkTunnel tunnel{.peer = {}, .teid = Teid(f_teid->teid.value()), .qfi = plan.qfi};
    if (plan.gnb.is_v4() && f_teid->v4) {
      tunnel.peer = *f_teid->v4;
    } else if (plan.gnb.is_v6() && f_teid->v6) {
      tunnel.peer = *f_teid->v6;
    } else {
      return fail(ErrorCode::kInternal, "the UPF's F-TEID lacks an {} address",
                  plan.gnb.is_v4() ? "IPv4" : "IPv6");
    }
    return EstablishedSession{.up_seid = up->seid, .tunnel = tunnel};
  }
  return fail(ErrorCode::kInternal, "the response has no Created PDR for the uplink");
}

}  // namespace sluice::lab
