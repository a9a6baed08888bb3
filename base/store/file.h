// The database file of a store, before it is read.
#pragma once

#include <string>

#include "base/error.h"
#include "base/store/schema.h"
#include "base/store/sqlite.h"

namespace sluice::store {

// Opens or creates the file for its owner alone, its directory too (0700) where that is missing.
Result<Database> open_file(const std::string& path);

// Makes the database durable and exclusive to this process, checks that it is sound, and brings its
// tables to the version of the schema. kUnavailable when another process holds it, kUnsupported
// when a newer version wrote it, kInternal when it is damaged; the message names `path`.
Result<void> prepare_file(Database& db, const Schema& schema, const std::string& path);

}  // namespace sluice::store
