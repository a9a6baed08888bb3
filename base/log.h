// Structured logging: one line an event, `key=value` pairs after the message, to stderr.
// Never from a worker's packet path, never a secret.
#pragma once

#include <spdlog/spdlog.h>

#include <string>

namespace sluice {

// Sets up the process's log; `level` is trace, debug, info, warn, error or off.
void start_logging(const std::string& program, const std::string& level);

}  // namespace sluice
