// Writing to a file until everything is written.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace sluice {

// False: not all of it could be written; errno says why.
inline bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace sluice
