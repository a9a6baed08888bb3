// Redirect Information (TS 29.244 §8.2.20).
#pragma once

#include "upf-dataplane/pfcp/values.h"

namespace sluice::upf::pfcp {

// Addresses come as text. A SIP URI is refused: a user plane does not speak SIP. So is a URL that
// does not begin with http:// or https://, or that a header of HTTP could not hold.
struct RedirectInformation {
  Redirect redirect;
  bool operator==(const RedirectInformation&) const = default;
};

PFCP_CODEC(RedirectInformation, kRedirectInformation)

}  // namespace sluice::upf::pfcp
