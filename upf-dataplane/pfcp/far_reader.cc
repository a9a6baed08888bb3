// Create FAR (TS 29.244 §7.5.2.3) and Update FAR (§7.5.4.3).
#include <fmt/format.h>

#include "upf-dataplane/pfcp/group_reader.h"
#include "upf-dataplane/pfcp/rule_reader.h"

namespace sluice::upf::pfcp {
namespace {

// Exactly one of drop and forward: the user plane neither buffers, duplicates nor notifies.
std::optional<bool> read_forward(GroupReader& in, const ApplyAction& action) {
  if (action.actions == ApplyAction::kForward) return true;
  if (action.actions == ApplyAction::kDrop) return false;
  if ((action.actions & ~(ApplyAction::kDrop | ApplyAction::kForward)) != 0) {
    in.refuse(Cause::kServiceNotSupported, IeType::kApplyAction,
              fmt::format("cannot do {:#06x}, only DROP or FORW", action.actions));
  } else {
    in.refuse(Cause::kMandatoryIeIncorrect, IeType::kApplyAction,
              "has to be exactly one of DROP and FORW");
  }
  return std::nullopt;
}

void read_outer_header(GroupReader& in, Far& far) {
  using H = OuterHeaderCreation;
  const auto header = in.optional<H>();
  if (!header) return;
  constexpr uint16_t kGtpU = H::kGtpUUdpIpv4 | H::kGtpUUdpIpv6;
  if ((header->description & ~kGtpU) != 0) {
    return in.refuse(Cause::kServiceNotSupported, IeType::kOuterHeaderCreation,
                     fmt::format("cannot create {:#06x}, only GTP-U/UDP/IP", header->description));
  }
  if (header->description == 0) {
    return in.refuse(Cause::kMandatoryIeIncorrect, IeType::kOuterHeaderCreation, "asks for none");
  }
  const IpAddress peer = header->v4 ? IpAddress(*header->v4) : IpAddress(*header->v6);
  if (header->teid->value() == 0 || peer == IpAddress() || peer == IpAddress(Ipv4Address())) {
    return in.refuse(Cause::kMandatoryIeIncorrect, IeType::kOuterHeaderCreation,
                     "has TEID 0 or no address");
  }
  far.outer_header = OuterHeader{*header->teid, peer};
}

// §7.5.2.3-2 and §7.5.4.3-2: what is the same in both.
void read_optional_parameters(GroupReader& in, Far& far) {
  if (auto instance = in.optional<NetworkInstance>()) {
    far.network_instance = std::move(instance->name);
  }
  read_outer_header(in, far);
  if (const auto marking = in.optional<TransportLevelMarking>()) far.marking = marking->marking;
  in.accept({IeType::kThreeGppInterfaceType});
}

}  // namespace

ReadRule<FarState> read_create_far(const Ie& group) {
  GroupReader in(group.children);
  FarState made;
  Far& far = made.far;
  far.id = in.required<FarId>();
  if (!in.failed()) in.names_rule(RuleType::kFar, far.id.value());
  const auto action = in.required<ApplyAction>();
  if (!in.failed()) far.forward = read_forward(in, action).value_or(false);
  if (const auto parameters = in.group(IeType::kForwardingParameters)) {
    GroupReader inner(*parameters);
    inner.names_rule(RuleType::kFar, far.id.value());
    far.destination = inner.required<DestinationInterface>().value;
    read_optional_parameters(inner, far);
    if (auto rejection = inner.finish()) return std::unexpected(*std::move(rejection));
    made.forwarding_known = true;
  } else if (far.forward) {
    in.refuse(Cause::kConditionalIeMissing, IeType::kForwardingParameters, "FORW needs it");
  }
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  return made;
}

ReadRule<FarState> read_update_far(const Ie& group, const FarState& current) {
  GroupReader in(group.children);
  FarState next = current;
  Far& far = next.far;
  in.required<FarId>();
  in.names_rule(RuleType::kFar, far.id.value());
  if (const auto action = in.optional<ApplyAction>()) {
    far.forward = read_forward(in, *action).value_or(false);
  }
  if (const auto parameters = in.group(IeType::kUpdateForwardingParameters)) {
    GroupReader inner(*parameters);
    inner.names_rule(RuleType::kFar, far.id.value());
    const auto destination = inner.optional<DestinationInterface>();
    if (destination) far.destination = destination->value;
    read_optional_parameters(inner, far);
    inner.accept_if_zero(IeType::kPfcpSmReqFlags);
    if (auto rejection = inner.finish()) return std::unexpected(*std::move(rejection));
    next.forwarding_known = next.forwarding_known || destination;
  }
  if (far.forward && !next.forwarding_known) {
    in.refuse(Cause::kConditionalIeMissing, IeType::kUpdateForwardingParameters,
              "FORW needs a Destination Interface");
  }
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  return next;
}

}  // namespace sluice::upf::pfcp
