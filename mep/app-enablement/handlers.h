// Mp1, mec_app_support/v1 (MEC 011 §7): an app reads its rules, switches them, and changes them as
// far as the operator lets it.
#pragma once

#include "base/http/router.h"
#include "mep/store/store.h"

namespace sluice::mep {

// Whether the site can be like that: kResourceExhausted otherwise. Called within a change.
using SiteCheck = std::function<Result<void>(const State&)>;

// The operations on rules. `store` must outlive them.
http::Handlers app_enablement_handlers(Store& store, SiteCheck check);

}  // namespace sluice::mep
