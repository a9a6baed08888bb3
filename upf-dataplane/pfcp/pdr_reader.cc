// Create PDR (TS 29.244 §7.5.2.2) and Update PDR (§7.5.4.2).
#include <fmt/format.h>

#include <set>
#include <vector>

#include "upf-dataplane/pfcp/group_reader.h"
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
      return;
    default:
      in.refuse(Cause::kServiceNotSupported, IeType::kOuterHeaderRemoval,
                "only GTP-U headers are removed");
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

enum class Choosing : bool { kForbidden, kAllowed };

// Returns whether the F-TEID was chosen by us.
bool read_f_teid(GroupReader& in, Pdr& pdr, const PdrContext& context, Choosing choosing) {
  const auto f_teid = in.optional<FTeid>();
  if (!f_teid || in.failed()) return false;
  if (f_teid->choose && choosing == Choosing::kForbidden) {
    in.refuse(Cause::kInvalidFTeidAllocationOption, IeType::kFTeid,
              "an F-TEID can be chosen only while a PDR is created");
    return false;
  }
  const auto local = f_teid->choose ? context.tunnels.choose(*f_teid, pdr.network_instance)
                                    : context.tunnels.verify(*f_teid);
  if (!local) {
    in.refuse(local.error().cause, IeType::kFTeid, local.error().reason);
    return false;
  }
  pdr.f_teid = *local;
  return f_teid->choose;
}

// Uplink packets have the UE's address as source, all others as destination; a S/D flag that says
// otherwise asks for something that the session model does not have.
void read_ue_address(GroupReader& in, Pdr& pdr) {
  for (const UeIpAddress& address : in.each<UeIpAddress>()) {
    if (address.choose_v4 || address.choose_v6) {
      return in.refuse(Cause::kServiceNotSupported, IeType::kUeIpAddress,
                       "this UPF does not allocate UE addresses");
    }
    if (address.is_destination == (pdr.source == Interface::kAccess)) {
      return in.refuse(Cause::kMandatoryIeIncorrect, IeType::kUeIpAddress,
                       "its S/D flag contradicts the Source Interface");
    }
    if (!address.v4 && !address.v6) {
      return in.refuse(Cause::kMandatoryIeIncorrect, IeType::kUeIpAddress, "holds no address");
    }
    UeAddress ue = pdr.ue.value_or(UeAddress{});
    if ((address.v4 && ue.v4) || (address.v6 && ue.v6)) {
      return in.refuse(Cause::kServiceNotSupported, IeType::kUeIpAddress,
                       "more than one address of an IP version");
    }
    if (address.v4) ue.v4 = address.v4;
    if (address.v6) ue.v6 = address.v6;
    pdr.ue = ue;
  }
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

// §7.5.2.2-2. Fills the PDI's part of `pdr`, which has been cleared of an earlier one.
std::expected<bool, Rejection> read_pdi(std::span<const Ie> pdi, Pdr& pdr,
                                        const PdrContext& context, Choosing choosing) {
  GroupReader in(pdi);
  in.names_rule(RuleType::kPdr, pdr.id.value());
  pdr.source = in.required<SourceInterface>().value;
  pdr.network_instance = in.optional<NetworkInstance>().value_or(NetworkInstance{}).name;
  const bool chosen = read_f_teid(in, pdr, context, choosing);
  read_ue_address(in, pdr);
  read_sdf_filters(in, pdr, context);
  pdr.qfis = in.each<Qfi>();
  in.accept({IeType::kThreeGppInterfaceType});
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  return chosen;
}

Pdr without_pdi(Pdr pdr) {
  pdr.f_teid.reset();
  pdr.network_instance.clear();
  pdr.ue.reset();
  pdr.sdf.clear();
  pdr.qfis.clear();
  return pdr;
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
    const auto chosen = read_pdi(pdi, made.pdr, context, Choosing::kAllowed);
    if (!chosen) return std::unexpected(chosen.error());
    made.f_teid_chosen = *chosen;
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
    pdr = without_pdi(std::move(pdr));
    const auto read = read_pdi(*pdi, pdr, context, Choosing::kForbidden);
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
