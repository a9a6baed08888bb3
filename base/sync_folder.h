// Names of files on the disk: a file that is synced may still have none after a power failure.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace sluice {

// Has the entry of the file or directory at `path` on disk. Waits for it.
inline Result<void> sync_entry(const std::string& path) {
  const auto slash = path.rfind('/');
  const auto folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return std::unexpected(errno_error("sync " + folder));
  return {};
}

}  // namespace sluice
