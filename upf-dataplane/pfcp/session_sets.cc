// Sets of sessions (TS 29.244 §5.23, §6.2.9): what a CP function that lost a part of its state
// names when it asks to forget the sessions of that part.
#include <fmt/format.h>

#include <algorithm>

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
  FqCsid out;
  SessionSet set{.node = {static_cast<char>(kind)}};
  set.node.append(address.begin(), address.end());
  for (int i = 0; i < (first & 0x0f); ++i) {
    set.id = in.u16();
    out.sets.push_back(set);
  }
  return in.finish(std::move(out));
}
void IeCodec<FqCsid>::write(const FqCsid& v, ByteWriter& out) {
  if (v.sets.empty()) return;
  const std::string& node = v.sets.front().node;
  const auto kind = static_cast<uint8_t>(node.front());
  const auto count = static_cast<uint8_t>(v.sets.size());
  out.u8(static_cast<uint8_t>(kind << 4 | (count & 0x0f)));
  out.append(Bytes(reinterpret_cast<const uint8_t*>(node.data()) + 1, node.size() - 1));
  for (const SessionSet& set : v.sets) out.u16(set.id);
}

// Those that are given take the place of earlier ones.
void SessionProcedures::read_sets(GroupReader& in, N4Session& session) const {
  std::vector<SessionSet> sets;
  for (const FqCsid& csid : in.each<FqCsid>()) {
    sets.insert(sets.end(), csid.sets.begin(), csid.sets.end());
  }
  if (sets.size() > N4Session::kMostSets) {
    return in.refuse(Cause::kNoResourcesAvailable, IeType::kFqCsid,
                     fmt::format("a session is of at most {} sets", N4Session::kMostSets));
  }
  if (!sets.empty()) session.sets = std::move(sets);
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
    return std::ranges::find(named.sets, set) != named.sets.end();
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
