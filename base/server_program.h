// A program that serves until it is told to stop: its command line, its log, its exit codes.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "base/error.h"

namespace sluice {

struct ServerProgram {
  std::string name;   // "sluice-mep"
  std::string about;  // heads --help
  std::string version;
  std::string config_file;  // where the configuration is unless --config says otherwise
  mode_t umask = 077;       // what it writes is for its own user alone, unless this says otherwise
};

// What became of a configuration file that is right.
struct ConfiguredServer {
  std::string log_level;              // as start_logging() takes it
  std::function<Result<void>()> run;  // returns when asked to stop; an error says why it cannot run
};

// The whole of main(): reads the line, then the configuration by `configure`, which gets the file's
// name, and runs what that returns.
// Returns the exit code: 0 stopped on request, 1 cannot run, 2 wrong configuration or command line.
int run_server(int argc, char** argv, const ServerProgram& program,
               const std::function<Result<ConfiguredServer>(const std::string& file)>& configure);

}  // namespace sluice
