// Another program, run to its end.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/error.h"

namespace sluice {

// Runs it (found by PATH) with that standard input; what it writes to standard output, at most
// 1 MiB. kInternal when it cannot be started or its exit status is not 0, with what it wrote to
// standard error; kUnavailable when it takes longer than `longest` and is killed.
Result<std::string> run_program(const std::vector<std::string>& command,
                                const std::string& input = {},
                                std::chrono::milliseconds longest = std::chrono::seconds(10));

}  // namespace sluice
