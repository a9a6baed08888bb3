// sluice-meao: the orchestrator, at the centre.
#include <prometheus/exposer.h>
#include <sys/stat.h>

#include <cstdio>

#include "base/clock.h"
#include "base/command_line.h"
#include "base/descriptor_limit.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "meao/config.h"
#include "meao/metrics.h"
#include "meao/orchestrator.h"
#include "notify/notification_metrics.h"

namespace sluice::meao {
namespace {

Result<std::unique_ptr<prometheus::Exposer>> serve_metrics(const MeaoConfig& config) {
  const auto& address = config.metrics_address;
  const auto host = address.is_v4() ? address.to_string() : "[" + address.to_string() + "]";
  const auto bind = fmt::format("{}:{}", host, config.metrics_port);
  try {
    return std::make_unique<prometheus::Exposer>(bind, 1);
  } catch (const std::exception& e) {
    return fail(ErrorCode::kUnavailable, "metrics: cannot listen at {}: {}", bind, e.what());
  }
}

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
  auto metrics = serve_metrics(config);
  if (!metrics) return std::unexpected(metrics.error());
  (*metrics)->RegisterCollectable(catalogue);
  (*metrics)->RegisterCollectable(notifications);
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

int main_with(const std::string& config_file, bool check_only) {
  const auto config = read_meao_config(config_file);
  if (!config) {
    fmt::print(stderr, "{}\n", config.error().to_string());
    return 2;
  }
  if (check_only) {
    fmt::print("{} is valid\n", config_file);
    return 0;
  }
  umask(077);  // nothing that it writes is for others
  start_logging("sluice-meao", config->log_level);
  if (auto ok = run(*config); !ok) {
    spdlog::error("meao cannot run reason=\"{}\"", ok.error().to_string());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace sluice::meao

int main(int argc, char** argv) {
  sluice::CommandLine line(
      "sluice-meao",
      "The orchestrator: onboards app packages.\n"
      "The first start writes STATE/operator.json, the credentials for its APIs.");
  line.version(SLUICE_VERSION);
  std::string config_file = "/etc/sluice/meao.yaml";
  bool check_only = false;
  line.option("--config", &config_file, "Configuration file (YAML)");
  line.flag("--check-config", &check_only, "Check the configuration file and exit");
  line.footer("Exit codes: 0 stopped on request, 1 cannot run, 2 wrong configuration.");
  if (const auto code = line.parse(argc, argv)) return *code;
  return sluice::meao::main_with(config_file, check_only);
}
