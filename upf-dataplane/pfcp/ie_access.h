// Building elements from typed values and finding them again.
//
//   Message m{.header = {.type = MessageType::kSessionEstablishmentRequest, .seid = 0, ...},
//             .ies = {ie(NodeId{.address = me}), ie(FSeid{.seid = 7, .v4 = me}),
//                     group(IeType::kCreatePdr, {ie(PdrId(1)), ie(Precedence{100}), ...})}};
//   ...
//   const auto cause = read<Cause>(response.ies);        // optional<Read<Cause>>
//   for (const Ie& created : all(response.ies, IeType::kCreatedPdr)) read<FTeid>(created.children);
#pragma once

#include <algorithm>
#include <optional>
#include <ranges>
#include <span>
#include <utility>
#include <vector>

#include "upf-dataplane/pfcp/ie.h"
#include "upf-dataplane/pfcp/values.h"

namespace sluice::upf::pfcp {

template <typename T>
Ie ie(const T& value) {
  ByteWriter out;
  IeCodec<T>::write(value, out);
  return Ie{IeCodec<T>::kType, {}, out.release(), {}};
}

inline Ie group(IeType type, std::vector<Ie> children) {
  return Ie{type, {}, {}, std::move(children)};
}

// The first element of the type, or nullptr: a repeated element counts once (§7.6.7).
inline const Ie* find(std::span<const Ie> ies, IeType type) {
  const auto found = std::ranges::find(ies, type, &Ie::type);
  return found == ies.end() ? nullptr : &*found;
}

// Every element of the type, in order, as a view of `ies`.
inline auto all(std::span<const Ie> ies, IeType type) {
  return ies | std::views::filter([type](const Ie& ie) { return ie.type == type; });
}

// The value of the first element of T's type; nullopt when there is none.
template <typename T>
std::optional<Read<T>> read(std::span<const Ie> ies) {
  const Ie* found = find(ies, IeCodec<T>::kType);
  if (found == nullptr) return std::nullopt;
  return IeCodec<T>::read(found->value);
}

}  // namespace sluice::upf::pfcp
