// Whose resources a request of Mp1 is about, and whether they are the caller's.
#pragma once

#include "base/http/message.h"
#include "mep/store/state.h"

namespace sluice::mep {

// The appInstanceId of the path when it is the caller's own; kPermissionDenied otherwise. Asked
// before existence, so that an app cannot find out who else is here.
Result<std::string> own_app_id(const http::Request& request);

// The instance; kNotFound when there is none. Valid as long as the state.
Result<const AppInstance*> find_app(const State& state, const std::string& id);

// As find_app, for what changes it: kConflict once it has ended.
Result<const AppInstance*> find_living_app(const State& state, const std::string& id);

}  // namespace sluice::mep
