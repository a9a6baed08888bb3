// Unix stream sockets by path.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace sluice::mp2 {

// Listens at `path`, non-blocking. The socket file belongs to its owner alone (0600), or also to
// the members of `group` (0660). The directory is created when missing, the file of a dead process
// is replaced; a living listener is an error.
Result<UniqueFd> listen_unix(const std::string& path, const std::optional<std::string>& group);

// Connects to `path`, non-blocking.
Result<UniqueFd> connect_unix(const std::string& path);

}  // namespace sluice::mp2
