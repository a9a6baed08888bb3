// Create PDR (TS 29.244 §7.5.2.2) and Update PDR (§7.5.4.2).
#include <fmt/format.h>

#include <set>
#include <vector>

#include "upf-dataplane/pfcp/endpoint_values.h"
#include "upf-dataplane/pfcp/group_reader.h"
#include "upf-dataplane/pfcp/pdi_reader.h"
#include "upf-dataplane/pfcp/pfd_values.h"
#include "upf-dataplane/pfcp/rule_reader.h"

namespace sluice::upf::pfcp {
namespace {

void read_outer_header_removal(GroupReader& in, Pdr& pdr) {
  const auto removal = in.optional<OuterHeaderRemoval>();
  if (!removal) return;
  switch (removal->what) {
    case OuterHeaderKind::kGtpUUdpIpv4:
    case OuterHeaderKind::kGtpUUdpIpv6:
    case OuterHeaderKind::kGtpUUdpIp:
      pdr.remove_outer_header = true;
      pdr.remove_udp_header = false;
      return;
    case OuterHeaderKind::kUdpIpv4:
    case OuterHeaderKind::kUdpIpv6:
      pdr.remove_outer_header = false;
      pdr.remove_udp_header = true;
      return;
    default:
      in.refuse(Cause::kServiceNotSupported, IeType::kOuterHeaderRemoval,
                "only headers of GTP-U/UDP/IP and UDP/IP are removed");
  }
}

// A rule that is named twice applies once; the order says which goes first.
template <typename Id>
std::vector<Id> each_once(GroupReader& in) {
  std::vector<Id> ids;
  std::set<Id> seen;
  for (const Id id : in.each<Id>()) {
    if (seen.insert(id).second) ids.push_back(id);
  }
  return ids;
}

void read_sdf_filters(GroupReader& in, Pdr& pdr, const PdrContext& context) {
  const auto values = in.each<SdfFilterValue>();
  if (values.size() > context.limits.sdf_filters_per_pdr) {
    return in.refuse(Cause::kNoResourcesAvailable, IeType::kSdfFilter,
                     fmt::format("more than {} filters", context.limits.sdf_filters_per_pdr));
  }
  for (const SdfFilterValue& value : values) {
    auto filter = context.filters.read(value);
    if (!filter) return in.refuse(filter.error().cause, IeType::kSdfFilter, filter.error().reason);
    pdr.sdf.push_back(*std::move(filter));
  }
}

// §5.11.2: the packets of an application, as PFDs describe it.
void read_application(GroupReader& in, Pdr& pdr, const PdrContext& context) {
  pdr.application_id.clear();
  const auto id = in.optional<ApplicationId>();
  if (!id || in.failed()) return;
  if (!pdr.sdf.empty()) {
    return in.refuse(Cause::kServiceNotSupported, IeType::kApplicationId,
                     "a PDI has SDF filters or an application here");
  }
  const auto* filters = context.pfds.find(id->name);
  if (filters == nullptr) {
    return in.refuse(Cause::kUnknownApplicationId, IeType::kApplicationId, "has no PFDs");
  }
  pdr.application_id = id->name;
  pdr.sdf = *filters;
}

// By the traffic endpoint that the PDI names in place of elements of its own.
void use_endpoint(GroupReader& in, uint8_t id, Pdr& pdr, const PdrContext& context) {
  const auto found = context.endpoints.find(id);
  if (found == context.endpoints.end()) {
    return in.refuse(Cause::kRuleCreationOrModificationFailure, IeType::kTrafficEndpointId,
                     fmt::format("there is no traffic endpoint {}", id));
  }
  for (const IeType type : {IeType::kFTeid, IeType::kNetworkInstance, IeType::kUeIpAddress,
                            IeType::kFramedRoute, IeType::kFramedIPv6Route}) {
    if (!in.groups(type).empty()) {
      return in.refuse(Cause::kMandatoryIeIncorrect, type, "is the traffic endpoint's to give");
    }
  }
  in.accept({IeType::kThreeGppInterfaceType});
  pdr.traffic_endpoint = id;
  apply(found->second, pdr);
}

// §7.5.2.2-2. Fills the PDI's part of `pdr`.
std::expected<Chosen, Rejection> read_pdi(std::span<const Ie> pdi, Pdr& pdr,
                                          const PdrContext& context, Choosing choosing,
                                          const std::vector<std::string>& pools) {
  GroupReader in(pdi);
  in.names_rule(RuleType::kPdr, pdr.id.value());
  pdr.source = in.required<SourceInterface>().value;
  pdr.traffic_endpoint.reset();
  Chosen chosen;
  const auto endpoints = in.each<TrafficEndpointId>();
  if (endpoints.size() > 1) {
    in.refuse(Cause::kServiceNotSupported, IeType::kTrafficEndpointId,
              "a PDI names at most one traffic endpoint here");
  } else if (!endpoints.empty()) {
    use_endpoint(in, endpoints.front().value, pdr, context);
  } else {
    TrafficEndpoint origin;
    chosen = read_origin(in, origin, context, choosing, pools);
    apply(origin, pdr);
  }
  pdr.sdf.clear();
  read_sdf_filters(in, pdr, context);
  read_application(in, pdr, context);
  pdr.qfis = in.each<Qfi>();
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  return chosen;
}

std::vector<std::string> read_pools(GroupReader& in) {
  std::vector<std::string> names;
  for (auto& pool : in.each<UeIpAddressPoolIdentity>()) names.push_back(std::move(pool.name));
  return names;
}

}  // namespace

ReadRule<NewPdr> read_create_pdr(const Ie& group, const PdrContext& context) {
  GroupReader in(group.children);
  NewPdr made;
  made.pdr.id = in.required<PdrId>();
  if (!in.failed()) in.names_rule(RuleType::kPdr, made.pdr.id.value());
  made.pdr.precedence = in.required<Precedence>().value;
  const auto pdi = in.required_group(IeType::kPdi);
  if (!in.failed()) {
    const auto chosen = read_pdi(pdi, made.pdr, context, Choosing::kAllowed, read_pools(in));
    if (!chosen) return std::unexpected(chosen.error());
    made.chosen = *chosen;
  }
  read_outer_header_removal(in, made.pdr);
  made.pdr.qers = each_once<QerId>(in);
  made.pdr.urrs = each_once<UrrId>(in);
  // Whether a predefined rule or a MAR takes the FAR's place is told before a FAR is missed.
  const auto far = in.optional<FarId>();
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  if (!far) {
    in.refuse(Cause::kConditionalIeMissing, IeType::kFarId, "is missing");
    return std::unexpected(*in.finish());
  }
  made.pdr.far = *far;
  return made;
}

ReadRule<Pdr> read_update_pdr(const Ie& group, const Pdr& current, const PdrContext& context) {
  GroupReader in(group.children);
  Pdr pdr = current;
  in.required<PdrId>();
  in.names_rule(RuleType::kPdr, pdr.id.value());
  if (const auto precedence = in.optional<Precedence>()) pdr.precedence = precedence->value;
  if (const auto pdi = in.group(IeType::kPdi)) {
    const auto read = read_pdi(*pdi, pdr, context, Choosing::kForbidden, {});
    if (!read) return std::unexpected(read.error());
  }
  read_outer_header_removal(in, pdr);
  if (const auto far = in.optional<FarId>()) pdr.far = *far;
  if (auto qers = each_once<QerId>(in); !qers.empty()) pdr.qers = std::move(qers);
  if (auto urrs = each_once<UrrId>(in); !urrs.empty()) pdr.urrs = std::move(urrs);
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  return pdr;
}

}  // namespace sluice::upf::pfcp
