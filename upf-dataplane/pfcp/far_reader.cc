// Create FAR (TS 29.244 §7.5.2.3) and Update FAR (§7.5.4.3).
#include <fmt/format.h>

#include "upf-dataplane/packet/gtpu.h"
#include "upf-dataplane/pfcp/group_reader.h"
#include "upf-dataplane/pfcp/redirect_values.h"
#include "upf-dataplane/pfcp/rule_reader.h"

namespace sluice::upf::pfcp {
namespace {

// Exactly one of DROP, FORW and BUFF; with the last, NOCP may come. DUPL may come with any.
void read_action(GroupReader& in, const ApplyAction& action, Far& far) {
  using A = ApplyAction;
  constexpr uint16_t kKnown = A::kDrop | A::kForward | A::kBuffer | A::kNotifyCp | A::kDuplicate;
  if ((action.actions & ~kKnown) != 0) {
    return in.refuse(
        Cause::kServiceNotSupported, IeType::kApplyAction,
        fmt::format("cannot do {:#06x}, only DROP, FORW, BUFF, NOCP and DUPL", action.actions));
  }
  const uint16_t what = action.actions & (A::kDrop | A::kForward | A::kBuffer);
  if (what != A::kDrop && what != A::kForward && what != A::kBuffer) {
    return in.refuse(Cause::kMandatoryIeIncorrect, IeType::kApplyAction,
                     "has to be exactly one of DROP, FORW and BUFF");
  }
  far.notify = (action.actions & A::kNotifyCp) != 0;
  far.duplicate = (action.actions & A::kDuplicate) != 0;
  far.forward = what == A::kForward;
  far.buffer = what == A::kBuffer;
  if (far.notify && !far.buffer) {
    in.refuse(Cause::kMandatoryIeIncorrect, IeType::kApplyAction, "has NOCP without BUFF");
  }
}

std::optional<OuterHeader> read_outer_header(GroupReader& in) {
  using H = OuterHeaderCreation;
  const auto header = in.optional<H>();
  if (!header) return std::nullopt;
  constexpr uint16_t kGtpU = H::kGtpUUdpIpv4 | H::kGtpUUdpIpv6;
  constexpr uint16_t kUdp = H::kUdpIpv4 | H::kUdpIpv6;
  if ((header->description & ~(kGtpU | kUdp)) != 0) {
    in.refuse(
        Cause::kServiceNotSupported, IeType::kOuterHeaderCreation,
        fmt::format("cannot create {:#06x}, only GTP-U/UDP/IP and UDP/IP", header->description));
    return std::nullopt;
  }
  const bool by_udp = (header->description & kUdp) != 0;
  if (by_udp == ((header->description & kGtpU) != 0)) {
    in.refuse(Cause::kMandatoryIeIncorrect, IeType::kOuterHeaderCreation,
              "asks for none, or for two kinds at once");
    return std::nullopt;
  }
  const IpAddress peer = header->v4 ? IpAddress(*header->v4) : IpAddress(*header->v6);
  if (by_udp && *header->port == 0) {
    in.refuse(Cause::kMandatoryIeIncorrect, IeType::kOuterHeaderCreation, "has UDP port 0");
    return std::nullopt;
  }
  if (by_udp && *header->port == kGtpuPort) {
    in.refuse(Cause::kServiceNotSupported, IeType::kOuterHeaderCreation,
              "the port of GTP-U is for GTP-U");
    return std::nullopt;
  }
  if ((!by_udp && header->teid->value() == 0) || peer == IpAddress() ||
      peer == IpAddress(Ipv4Address())) {
    in.refuse(Cause::kMandatoryIeIncorrect, IeType::kOuterHeaderCreation,
              "has TEID 0 or no address");
    return std::nullopt;
  }
  return OuterHeader{header->teid.value_or(Teid()), peer, header->port};
}

// §7.5.2.3-3 and §7.5.4.3-3. A copy has to be put into a tunnel: nothing else leads it anywhere but
// to where the packet goes itself.
std::expected<Duplicate, Rejection> read_duplicate(const Ie& group, FarId far) {
  GroupReader in(group.children);
  in.names_rule(RuleType::kFar, far.value());
  Duplicate out;
  out.destination = in.required<DestinationInterface>().value;
  const auto header = read_outer_header(in);
  if (!header && !in.failed()) {
    in.refuse(Cause::kServiceNotSupported, IeType::kOuterHeaderCreation,
              "copies leave in tunnels only");
  }
  if (header && header->udp_port) {
    in.refuse(Cause::kServiceNotSupported, IeType::kOuterHeaderCreation,
              "copies leave in tunnels of GTP-U only");
  }
  if (header) out.outer_header = *header;
  if (const auto marking = in.optional<TransportLevelMarking>()) out.marking = marking->marking;
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  return out;
}

// All of a FAR's, which take the place of earlier ones.
void read_duplicates(GroupReader& in, IeType type, Far& far) {
  const auto groups = in.groups(type);
  if (groups.empty()) return;
  if (groups.size() > Far::kMostDuplicates) {
    return in.refuse(Cause::kNoResourcesAvailable, type,
                     fmt::format("at most {} are possible", Far::kMostDuplicates));
  }
  far.duplicates.clear();
  for (const Ie* group : groups) {
    auto duplicate = read_duplicate(*group, far.id);
    if (!duplicate) return in.refuse(std::move(duplicate.error()));
    far.duplicates.push_back(*duplicate);
  }
}

void check_duplicates(GroupReader& in, IeType type, const Far& far) {
  if (far.duplicate && far.duplicates.empty()) {
    in.refuse(Cause::kConditionalIeMissing, type, "DUPL needs it");
  }
}

// Where there was none, an empty one is cut off; in an update it ends the redirection.
void read_redirect(GroupReader& in, Far& far) {
  const auto given = in.groups(IeType::kRedirectInformation);
  if (far.redirect && !given.empty() && given.front()->value.empty()) {
    far.redirect.reset();
  } else if (auto information = in.optional<RedirectInformation>()) {
    far.redirect = std::move(information->redirect);
  }
}

// §7.5.2.3-2 and §7.5.4.3-2: what is the same in both.
void read_optional_parameters(GroupReader& in, Far& far) {
  if (auto instance = in.optional<NetworkInstance>()) {
    far.network_instance = std::move(instance->name);
  }
  if (const auto header = read_outer_header(in)) far.outer_header = *header;
  if (const auto marking = in.optional<TransportLevelMarking>()) far.marking = marking->marking;
  read_redirect(in, far);
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
  if (!in.failed()) read_action(in, action, far);
  far.bar = in.optional<BarId>();
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
  read_duplicates(in, IeType::kDuplicatingParameters, far);
  check_duplicates(in, IeType::kDuplicatingParameters, far);
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  return made;
}

ReadRule<UpdatedFar> read_update_far(const Ie& group, const FarState& current) {
  GroupReader in(group.children);
  UpdatedFar next{current};
  Far& far = next.far;
  far.peer_unknown = false;  // whatever the SMF changes, it has decided anew
  in.required<FarId>();
  in.names_rule(RuleType::kFar, far.id.value());
  if (const auto action = in.optional<ApplyAction>()) {
    read_action(in, *action, far);
    next.decided = true;
  }
  if (const auto bar = in.optional<BarId>()) far.bar = bar;
  if (const auto parameters = in.group(IeType::kUpdateForwardingParameters)) {
    GroupReader inner(*parameters);
    inner.names_rule(RuleType::kFar, far.id.value());
    const auto destination = inner.optional<DestinationInterface>();
    if (destination) far.destination = destination->value;
    read_optional_parameters(inner, far);
    const auto flags = inner.optional<PfcpSmReqFlags>().value_or(PfcpSmReqFlags{}).flags;
    if ((flags & ~PfcpSmReqFlags::kSendEndMarkers) != 0) {
      inner.refuse(Cause::kMandatoryIeIncorrect, IeType::kPfcpSmReqFlags,
                   "of these only SNDEM belongs to a FAR");
    }
    next.end_marker = flags != 0;
    if (auto rejection = inner.finish()) return std::unexpected(*std::move(rejection));
    next.forwarding_known = next.forwarding_known || destination;
  }
  if (far.forward && !next.forwarding_known) {
    in.refuse(Cause::kConditionalIeMissing, IeType::kUpdateForwardingParameters,
              "FORW needs a Destination Interface");
  }
  read_duplicates(in, IeType::kUpdateDuplicatingParameters, far);
  check_duplicates(in, IeType::kUpdateDuplicatingParameters, far);
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  return next;
}

}  // namespace sluice::upf::pfcp
