// Between the tables of the store and State.
#pragma once

#include <set>
#include <string>

#include "base/error.h"
#include "base/store/sqlite.h"
#include "mep/store/state.h"

namespace sluice::mep {

using store::Database;
using store::Statement;

// Everything. The error names the row that does not read.
Result<State> read_state(Database& db);

// Writes the counters and the named instances and clients as they are in `state`; one that is not
// in it is deleted. Within a transaction of the caller's.
Result<void> write_changes(Database& db, const State& state, const std::set<std::string>& apps,
                           const std::set<std::string>& clients);

}  // namespace sluice::mep
