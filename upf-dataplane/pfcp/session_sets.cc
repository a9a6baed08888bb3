// Sets of sessions (TS 29.244 §5.23, §6.2.9): what a CP function that lost a part of its state
// names when it asks to forget the sessions of that part.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "upf-dataplane/pfcp/response.h"
#include "upf-dataplane/pfcp/session_procedures.h"
#include "upf-dataplane/pfcp/session_set_values.h"
#include "upf-dataplane/pfcp/value_reader.h"

namespace sluice::upf::pfcp {
namespace {

// Of the node's address, by the kind in the upper half of the first octet.
size_t address_bytes(uint8_t kind) { return kind == 1 ? 16 : 4; }

}  // namespace

Read<FqCsid> IeCodec<FqCsid>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t first = in.u8();
  const uint8_t kind = first >> 4;
  if (kind > 2) return incorrect(fmt::format("no node id of kind {}", kind));
  const Bytes address = in.take(address_bytes(kind));
  FqCsid out{.node = {static_cast<char>(kind)}};
  out.node.append(address.begin(), address.end());
  for (int i = 0; i < (first & 0x0f); ++i) out.ids.push_back(in.u16());
  if (in.remaining() > 0) out.type = in.u8() & 0x0f;
  return in.finish(std::move(out));
}
void IeCodec<FqCsid>::write(const FqCsid& v, ByteWriter& out) {
  const auto kind = static_cast<uint8_t>(v.node.front());
  const auto count = static_cast<uint8_t>(v.ids.size());
  out.u8(static_cast<uint8_t>(kind << 4 | (count & 0x0f)));
  out.append(Bytes(reinterpret_cast<const uint8_t*>(v.node.data()) + 1, v.node.size() - 1));
  for (const uint16_t id : v.ids) out.u16(id);
  if (v.type) out.u8(*v.type);
}

// Those that are given take the place of earlier ones of nodes of the same type, and of no others.
void SessionProcedures::read_sets(GroupReader& in, N4Session& session) const {
  const std::vector<FqCsid> given = in.each<FqCsid>();
  std::vector<SessionSet> sets;
  std::ranges::copy_if(session.sets, std::back_inserter(sets), [&](const SessionSet& earlier) {
    return std::ranges::find(given, earlier.type, &FqCsid::type) == given.end();
  });
  for (const FqCsid& csid : given) {
    for (const uint16_t id : csid.ids) {
      sets.push_back({.node = csid.node, .type = csid.type, .id = id});
    }
  }
  if (sets.size() > N4Session::kMostSets) {
    return in.refuse(Cause::kNoResourcesAvailable, IeType::kFqCsid,
                     fmt::format("a session is of at most {} sets", N4Session::kMostSets));
  }
  session.sets = std::move(sets);
}

Message SessionProcedures::remove_sets(const Message& request, const Peer& from) {
  GroupReader in(request.ies);
  const auto node = in.required<NodeId>();
  N4Session named;
  read_sets(in, named);
  Association* association = in.failed() ? nullptr : associations_.find(node);
  if (!in.failed() &&
      (association == nullptr || association->requests_to.address != from.address)) {
    in.refuse(Cause::kNoEstablishedAssociation, IeType::kNodeId,
              fmt::format("{} is not associated from there", node.to_string()));
  }
  if (named.sets.empty()) in.refuse(Cause::kConditionalIeMissing, IeType::kFqCsid, "is missing");
  if (const auto why = in.finish()) return reject(request.header, {}, config_.node_id, *why);

  const auto is_named = [&](const SessionSet& set) {
    return std::ranges::any_of(named.sets, [&](const SessionSet& name) {
      return name.node == set.node && name.id == set.id &&
             (name.type == set.type || !name.type || !set.type);
    });
  };
  std::vector<Seid> gone;
  for (const Seid seid : association->sessions) {
    if (std::ranges::any_of(sessions_.at(seid).sets, is_named)) gone.push_back(seid);
  }
  for (const Seid seid : gone) {
    association->sessions.erase(seid);
    forget(sessions_.at(seid));
  }
  counters_.sessions_purged += gone.size();
  spdlog::info("PFCP session sets deleted peer={} sessions_removed={}", node.to_string(),
               gone.size());
  return accept(request.header, {}, config_.node_id);
}

}  // namespace sluice::upf::pfcp
