// The tables of the store and how older ones become them.
#pragma once

#include <string>

#include "base/error.h"
#include "base/store/sqlite.h"

namespace sluice::mep {

using store::Database;
using store::Statement;

// Makes the database durable and exclusive to this process, checks that it is sound, and brings its
// tables to this version. `path` is for messages.
Result<void> prepare_schema(Database& db, const std::string& path);

}  // namespace sluice::mep
