// sluice-mepm: the platform manager of a site.
#include "base/descriptor_limit.h"
#include "base/log.h"
#include "base/server_program.h"
#include "mepm/manager.h"

namespace sluice::mepm {
namespace {

Result<void> run(MepmConfig config) {
  config.http.limits.max_connections = make_room_for(config.http.limits.max_connections);
  EventLoop loop;
  loop.stop_on_signals();  // before any thread: they inherit the blocked signals
  const SystemClock clock;
  auto manager = Manager::start(loop, clock, config);
  if (!manager) return std::unexpected(manager.error());
  http::Service service;
  service.handle = [&](http::Request&& request) { return (*manager)->handle(std::move(request)); };
  service.admit = [&](http::Request& request) { return (*manager)->admit(request); };
  auto transport = http::PistacheTransport::start(config.http, std::move(service));
  if (!transport) return std::unexpected(transport.error());
  spdlog::info("mepm ready http={}:{} state={} podman={}", config.http.address.to_string(),
               (*transport)->port(), config.state_directory, config.podman.socket);
  loop.run();
  spdlog::info("mepm stopping");
  transport->reset();  // first, then what it serves
  (*manager)->close();
  return {};
}

Result<ConfiguredServer> configure(const std::string& file) {
  const auto config = read_mepm_config(file);
  if (!config) return std::unexpected(config.error());
  return ConfiguredServer{config->log_level, [config = *config] { return run(config); }};
}

}  // namespace
}  // namespace sluice::mepm

int main(int argc, char** argv) {
  return sluice::run_server(
      argc, argv,
      {.name = "sluice-mepm",
       .about = "The platform manager of a site: runs apps from packages.\n"
                "The first start writes STATE/operator.json, the credentials for its API.",
       .version = SLUICE_VERSION,
       .config_file = "/etc/sluice/mepm.yaml"},
      sluice::mepm::configure);
}
