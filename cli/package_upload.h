// The content of a package on its way to the server.
#pragma once

#include <string>

#include "cli/packages.h"

namespace sluice::cli {

struct Upload {
  std::string file;
  std::string id;  // of the package
  uint64_t size = 0;
  uint64_t part_bytes = 0;  // in one request
  uint64_t offset = 0;      // where to begin
};

// In parts, each of which stays where it is when the connection breaks: it goes on behind what the
// server has until several attempts in a row got nothing further. kUnavailable then, or when it is
// interrupted: call again with the same package; any other error is the server's last word.
Result<void> upload_content(const Context& context, Upload upload);

}  // namespace sluice::cli
