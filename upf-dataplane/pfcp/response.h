// Responses, with the elements that every one of their kind has (TS 29.244 §7.4, §7.5).
#pragma once

#include <optional>

#include "upf-dataplane/pfcp/message.h"
#include "upf-dataplane/pfcp/n4_config.h"

namespace sluice::upf::pfcp {

// The response to a request: Node ID where the response has one, and the Cause. `seid` is the
// requester's, for session messages only.
Message accept(const Header& request, std::optional<uint64_t> seid, const NodeId& self);

// As accept(), with the cause, Offending IE and Failed Rule ID of the rejection, which is logged
// unless many are (see LogLimiter).
Message reject(const Header& request, std::optional<uint64_t> seid, const NodeId& self,
               const Rejection& rejection);

// How an error of the user plane is reported. When its field is the name of an element ("F-TEID"),
// that is the offending one.
Rejection rejection_of(const Error& error);

}  // namespace sluice::upf::pfcp
