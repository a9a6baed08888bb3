#include "base/server_program.h"

#include <sys/stat.h>

#include <cstdio>

#include "base/command_line.h"
#include "base/log.h"

namespace sluice {

int run_server(int argc, char** argv, const ServerProgram& program,
               const std::function<Result<ConfiguredServer>(const std::string& file)>& configure) {
  CommandLine line(program.name, program.about);
  line.version(program.version);
  std::string config_file = program.config_file;
  bool check_only = false;
  line.option("-c,--config", &config_file, "Configuration file (YAML)");
  line.flag("--check-config", &check_only, "Check the configuration file and exit");
  line.footer("Exit codes: 0 stopped on request, 1 cannot run, 2 wrong configuration.");
  if (const auto code = line.parse(argc, argv)) return *code;
  const auto server = configure(config_file);
  if (!server) {
    fmt::print(stderr, "{}\n", server.error().to_string());
    return 2;
  }
  if (check_only) {
    fmt::print("{} is valid\n", config_file);
    return 0;
  }
  umask(program.umask);
  start_logging(program.name, server->log_level);
  if (auto ok = server->run(); !ok) {
    spdlog::error("cannot run reason=\"{}\"", ok.error().to_string());
    return 1;
  }
  return 0;
}

}  // namespace sluice
