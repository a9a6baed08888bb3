// sluice-meao: the orchestrator, at the centre.
#include "base/clock.h"
#include "base/descriptor_limit.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "base/metrics/exposer.h"
#include "base/server_program.h"
#include "meao/config.h"
#include "meao/metrics.h"
#include "meao/orchestrator.h"
#include "notify/notification_metrics.h"

namespace sluice::meao {
namespace {

Result<void> run(MeaoConfig config) {
  config.http.limits.max_connections = make_room_for(config.http.limits.max_connections);
  EventLoop loop;
  loop.stop_on_signals();  // before any thread: they inherit the blocked signals
  const SystemClock clock;
  auto orchestrator = Orchestrator::start(loop, clock, config);
  if (!orchestrator) return std::unexpected(orchestrator.error());
  const auto catalogue = std::make_shared<CatalogueMetrics>((*orchestrator)->catalogue());
  const auto notifications = std::make_shared<notify::NotificationMetrics>(
      (*orchestrator)->notifications(), "sluice_meao");
  const auto metrics =
      serve_metrics(config.metrics_address, config.metrics_port, {catalogue, notifications});
  if (!metrics) return std::unexpected(metrics.error());
  http::Service service;
  service.handle = [&](http::Request&& request) {
    return (*orchestrator)->handle(std::move(request));
  };
  service.admit = [&](http::Request& request) { return (*orchestrator)->admit(request); };
  auto transport = http::PistacheTransport::start(config.http, std::move(service));
  if (!transport) return std::unexpected(transport.error());
  spdlog::info("meao ready http={}:{} metrics={}:{} state={}", config.http.address.to_string(),
               (*transport)->port(), config.metrics_address.to_string(), config.metrics_port,
               config.state_directory);
  loop.run();
  spdlog::info("meao stopping");
  transport->reset();  // first, then what it serves
  (*orchestrator)->close();
  return {};
}

Result<ConfiguredServer> configure(const std::string& file) {
  const auto config = read_meao_config(file);
  if (!config) return std::unexpected(config.error());
  return ConfiguredServer{config->log_level, [config = *config] { return run(config); }};
}

}  // namespace
}  // namespace sluice::meao

int main(int argc, char** argv) {
  return sluice::run_server(
      argc, argv,
      {.name = "sluice-meao",
       .about = "The orchestrator: onboards app packages.\n"
                "The first start writes STATE/operator.json, the credentials for its APIs.",
       .version = SLUICE_VERSION,
       .config_file = "/etc/sluice/meao.yaml"},
      sluice::meao::configure);
}
