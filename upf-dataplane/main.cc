// sluice-upf: the user plane of an edge site.

#include <string_view>

#include "base/event_loop.h"
#include "base/log.h"
#include "base/server_program.h"
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

sluice::Result<void> run(const sluice::upf::UpfConfig& config) {
  sluice::EventLoop loop;
  loop.stop_on_signals();  // before DPDK makes threads, which inherit the mask
  if (auto started = sluice::upf::start_eal(config); !started) return started;
  sluice::Result<void> result;
  {
    const auto upf = sluice::upf::Upf::start(config, loop);
    if (upf) {
      loop.run();
      spdlog::info("stopping");
      (*upf)->release_associations();
    } else {
      result = std::unexpected(upf.error());
    }
  }
  sluice::upf::stop_eal();
  return result;
}

sluice::Result<sluice::ConfiguredServer> configure(const std::string& file) {
  const auto config = sluice::upf::UpfConfig::load(file);
  if (!config) return std::unexpected(config.error());
  return sluice::ConfiguredServer{config->log_level, [config = *config] { return run(config); }};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "ctl") {
    return sluice::upf::run_ctl_command(argc - 1, argv + 1);
  }
  return sluice::run_server(argc, argv,
                            {.name = "sluice-upf",
                             .about = kAbout,
                             .version = SLUICE_VERSION,
                             .config_file = "/etc/sluice/upf.yaml",
                             .umask = 022},  // groups may be let in to its sockets and records
                            configure);
}
