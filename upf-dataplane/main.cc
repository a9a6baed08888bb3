// sluice-upf: the user plane of an edge site.

#include <iostream>
#include <string_view>

#include "base/command_line.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "upf-dataplane/control/config.h"
#include "upf-dataplane/control/upf.h"
#include "upf-dataplane/ctl_command.h"
#include "upf-dataplane/worker/eal.h"

namespace {

constexpr auto kAbout =
    "The DPDK user plane of a Sluice edge site: terminates GTP-U towards the radio network, takes\n"
    "sessions from an SMF over PFCP (N4), and steers traffic to local apps as the platform\n"
    "(sluice-mep, over Mp2) says.\n\n"
    "Example: sluice-upf --config /etc/sluice/upf.yaml\n"
    "Every key of the configuration is explained in deploy/upf.yaml.\n"
    "A running user plane is asked by: sluice-upf ctl --help";

int run(const sluice::upf::UpfConfig& config) {
  sluice::EventLoop loop;
  loop.stop_on_signals();  // before DPDK makes threads, which inherit the mask
  if (const auto started = sluice::upf::start_eal(config); !started) {
    spdlog::error("cannot start: {}", started.error().to_string());
    return 1;
  }
  int code = 0;
  {
    const auto upf = sluice::upf::Upf::start(config, loop);
    if (upf) {
      loop.run();
      spdlog::info("stopping");
      (*upf)->release_associations();
    } else {
      spdlog::error("cannot start: {}", upf.error().to_string());
      code = 1;
    }
  }
  sluice::upf::stop_eal();
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  sluice::CommandLine line("sluice-upf", kAbout);
  std::string path;
  bool check_only = false;
  if (argc > 1 && std::string_view(argv[1]) == "ctl") {
    return sluice::upf::run_ctl_command(argc - 1, argv + 1);
  }
  line.option("-c,--config", &path, "Configuration file (YAML)").required();
  line.flag("--check-config", &check_only, "Check the configuration and exit");
  line.version(SLUICE_VERSION);
  if (const auto code = line.parse(argc, argv)) return *code;

  const auto config = sluice::upf::UpfConfig::load(path);
  if (!config) {
    std::cerr << config.error().to_string() << '\n';
    return 2;
  }
  if (check_only) {
    std::cout << path << ": good\n";
    return 0;
  }
  sluice::start_logging("sluice-upf", config->log_level);
  return run(*config);
}
