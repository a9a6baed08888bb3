// From the rule groups of a request (Create PDR, Update FAR, ...) to rules of the session model.
// Whatever a group asks for that the user plane cannot enforce is refused with the element's name.
#pragma once

#include <expected>

#include "upf-dataplane/pfcp/address_allocator.h"
#include "upf-dataplane/pfcp/ie.h"
#include "upf-dataplane/pfcp/n4_config.h"
#include "upf-dataplane/pfcp/n4_session.h"
#include "upf-dataplane/pfcp/pfd_store.h"
#include "upf-dataplane/pfcp/sdf_reader.h"
#include "upf-dataplane/pfcp/tunnel_allocator.h"

namespace sluice::upf::pfcp {

template <typename T>
using ReadRule = std::expected<T, Rejection>;

// What reading a PDR needs beyond its elements.
struct PdrContext {
  TunnelAllocator& tunnels;
  AddressAllocator& addresses;
  const std::map<uint8_t, TrafficEndpoint>& endpoints;
  SdfReader& filters;
  const PfdStore& pfds;
  const N4Limits& limits;
};

struct NewPdr {
  Pdr pdr;
  Chosen chosen;
};
ReadRule<NewPdr> read_create_pdr(const Ie& group, const PdrContext& context);
// What the group does not mention stays as in `current`; a PDI replaces the whole PDI.
ReadRule<Pdr> read_update_pdr(const Ie& group, const Pdr& current, const PdrContext& context);

struct FarState {
  Far far;
  bool forwarding_known = false;  // it has Forwarding Parameters, used now or not
};
ReadRule<FarState> read_create_far(const Ie& group);
struct UpdatedFar : FarState {
  bool end_marker = false;  // SNDEM: to the tunnel that the FAR has led to
  bool decided = false;     // it came with an Apply Action
};
ReadRule<UpdatedFar> read_update_far(const Ie& group, const FarState& current);

ReadRule<Bar> read_create_bar(const Ie& group);
ReadRule<Bar> read_update_bar(const Ie& group, const Bar& current);

ReadRule<Urr> read_create_urr(const Ie& group);
ReadRule<Urr> read_update_urr(const Ie& group, const Urr& current);
Granted granted_by(const Ie& update_urr);

ReadRule<Qer> read_create_qer(const Ie& group);
ReadRule<Qer> read_update_qer(const Ie& group, const Qer& current);

}  // namespace sluice::upf::pfcp
