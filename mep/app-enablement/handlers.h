// Mp1, mec_app_support/v1 (MEC 011 §7): an app reads its rules, switches them, and says that it is
// ready.
#pragma once

#include "base/http/router.h"
#include "mep/store/store.h"

namespace sluice::mep {

// The operations of api-specs/mec_app_support.yaml. `store` must outlive them.
http::Handlers app_enablement_handlers(Store& store);

}  // namespace sluice::mep
