#include "upf-dataplane/pfcp/pdi_reader.h"

#include "upf-dataplane/pfcp/endpoint_values.h"

namespace sluice::upf::pfcp {
namespace {

// Returns whether the F-TEID was chosen by us.
bool read_f_teid(GroupReader& in, TrafficEndpoint& origin, const PdrContext& context,
                 Choosing choosing) {
  const auto f_teid = in.optional<FTeid>();
  if (!f_teid || in.failed()) return false;
  if (f_teid->choose && choosing == Choosing::kForbidden) {
    in.refuse(Cause::kInvalidFTeidAllocationOption, IeType::kFTeid,
              "an F-TEID can be chosen only while a PDR or traffic endpoint is created");
    return false;
  }
  const auto local = f_teid->choose ? context.tunnels.choose(*f_teid, origin.network_instance)
                                    : context.tunnels.verify(*f_teid);
  if (!local) {
    in.refuse(local.error().cause, IeType::kFTeid, local.error().reason);
    return false;
  }
  origin.f_teid = *local;
  return f_teid->choose;
}

// Uplink packets have the UE's address as source, all others as destination: the Source Interface
// says which. Some SMFs leave the S/D flag at zero everywhere, so that it is not looked at. Returns
// whether we chose an address.
bool read_ue_address(GroupReader& in, TrafficEndpoint& origin, const PdrContext& context,
                     const std::vector<std::string>& pools) {
  const auto addresses = in.each<UeIpAddress>();
  if (addresses.empty() || in.failed()) return false;
  bool chosen = false;
  UeAddress ue;
  const auto add = [&](const std::optional<Ipv4Address>& v4, const std::optional<IpPrefix>& v6) {
    if ((v4 && ue.v4) || (v6 && ue.v6)) {
      return in.refuse(Cause::kServiceNotSupported, IeType::kUeIpAddress,
                       "more than one address of an IP version");
    }
    if (v4) ue.v4 = v4;
    if (v6) ue.v6 = v6;
  };
  for (const UeIpAddress& address : addresses) {
    add(address.v4, address.v6);
    if (address.choose_v4 || address.choose_v6) {
      const auto made = context.addresses.choose(address, origin.network_instance, pools);
      if (!made) {
        in.refuse(made.error().cause, IeType::kUeIpAddress, made.error().reason);
        return false;
      }
      add(made->v4, made->v6);
      chosen = true;
    } else if (!address.v4 && !address.v6) {
      in.refuse(Cause::kMandatoryIeIncorrect, IeType::kUeIpAddress, "holds no address");
    }
  }
  origin.ue = ue;
  return chosen;
}

void read_framed_routes(GroupReader& in, TrafficEndpoint& origin, const N4Limits& limits) {
  std::vector<IpPrefix> routes;
  for (const auto& route : in.each<FramedRoute>()) routes.push_back(route.prefix);
  for (const auto& route : in.each<FramedIpv6Route>()) routes.push_back(route.prefix);
  in.optional<FramedRouting>();
  if (routes.size() > limits.framed_routes_per_session) {
    return in.refuse(Cause::kNoResourcesAvailable, IeType::kFramedRoute,
                     fmt::format("more than {} framed routes", limits.framed_routes_per_session));
  }
  if (!routes.empty()) origin.framed_routes = std::move(routes);
}

}  // namespace

Chosen read_origin(GroupReader& in, TrafficEndpoint& origin, const PdrContext& context,
                   Choosing choosing, const std::vector<std::string>& pools) {
  if (auto instance = in.optional<NetworkInstance>()) {
    origin.network_instance = std::move(instance->name);
  }
  Chosen chosen;
  chosen.f_teid = read_f_teid(in, origin, context, choosing);
  chosen.ue = read_ue_address(in, origin, context, pools);
  read_framed_routes(in, origin, context.limits);
  in.accept({IeType::kThreeGppInterfaceType});
  return chosen;
}

void apply(const TrafficEndpoint& origin, Pdr& pdr) {
  pdr.f_teid = origin.f_teid;
  pdr.network_instance = origin.network_instance;
  pdr.ue = origin.ue;
  pdr.framed_routes = origin.framed_routes;
}

ReadRule<NewEndpoint> read_create_endpoint(const Ie& group, const PdrContext& context) {
  GroupReader in(group.children);
  NewEndpoint made;
  made.id = in.required<TrafficEndpointId>().value;
  std::vector<std::string> pools;
  for (auto& pool : in.each<UeIpAddressPoolIdentity>()) pools.push_back(std::move(pool.name));
  made.chosen = read_origin(in, made.endpoint, context, Choosing::kAllowed, pools);
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  return made;
}

ReadRule<TrafficEndpoint> read_update_endpoint(const Ie& group, const TrafficEndpoint& current,
                                               const PdrContext& context) {
  GroupReader in(group.children);
  TrafficEndpoint endpoint = current;
  in.required<TrafficEndpointId>();
  read_origin(in, endpoint, context, Choosing::kForbidden);
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  return endpoint;
}

}  // namespace sluice::upf::pfcp
