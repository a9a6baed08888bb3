// The operator's credentials, for whoever drives Mm5 on this machine.
#pragma once

#include <string>

#include "base/error.h"
#include "mep/store/store.h"

namespace sluice::mep {

// `path` (mode 0600) holds {"client_id", "client_secret"}. Makes it with fresh credentials when it
// is missing, and makes the store agree with it otherwise: to replace the credentials, remove the
// file and restart. Fails when the file is there but does not read.
Result<void> ensure_operator(const std::string& path, Store& store);

}  // namespace sluice::mep
