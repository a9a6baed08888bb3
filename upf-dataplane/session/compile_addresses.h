// Which addresses a session has: those of its UE and the networks behind it.
#pragma once

#include <span>
#include <vector>

#include "base/error.h"
#include "upf-dataplane/session/model.h"
#include "upf-dataplane/session/session.h"
#include "upf-dataplane/steer/forwarding_table.h"

namespace sluice::upf {

// A PDR asks for what the user plane does not do; `ie` is the element that does.
inline std::unexpected<Error> unsupported(const char* ie, const Pdr& pdr, const char* what) {
  return std::unexpected(
      Error{ErrorCode::kUnsupported, fmt::format("PDR {}: {}", pdr.id.value(), what), ie});
}

// The UE's addresses and framed routes, on which all PDRs have to agree, into `parts`.
// kInvalidArgument or kUnsupported, with the element's name as field, when they do not, when no PDR
// names an address although one is `required`, or when it cannot be a UE's.
Result<void> compile_addresses(const std::vector<const Pdr*>& pdrs, std::span<const Port> ports,
                               bool required, Session::Parts& parts);

// What a PDR asks of the address of its packets: CompiledPdr::families.
uint8_t families(const Pdr& pdr);

}  // namespace sluice::upf
