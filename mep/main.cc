// sluice-mep: the MEC platform of one edge site.
#include "bandwidth/bandwidth_metrics.h"
#include "base/clock.h"
#include "base/descriptor_limit.h"
#include "base/event_loop.h"
#include "base/http/pending_response.h"
#include "base/log.h"
#include "base/server_program.h"
#include "feeds/feed_site.h"
#include "location/location_metrics.h"
#include "mep/config.h"
#include "mep/dns/dns_metrics.h"
#include "mep/dns/dns_service.h"
#include "mep/metrics.h"
#include "mep/platform.h"
#include "notify/notification_metrics.h"

namespace sluice::mep {
namespace {

// Open files for everybody who connects and everybody who is connected to.
void make_room(MepConfig& config) {
  auto& clients = config.http.limits.max_connections;
  const auto& notifications = config.notifications;
  const size_t others = notifications.http.connections +
                        (notifications.websocket ? notifications.websocket->connections : 0);
  const size_t room = make_room_for(clients + others);
  clients = room > others ? room - others : 1;
}

Result<void> run(MepConfig config) {
  make_room(config);
  EventLoop loop;
  loop.stop_on_signals();  // before any thread: they inherit the blocked signals
  const SystemClock clock;
  auto platform = Platform::start(loop, clock,
                                  {.state_directory = config.state_directory,
                                   .steering = config.steering,
                                   .tokens = config.tokens,
                                   .limits = config.limits,
                                   .page_size = config.page_size,
                                   .key_max_age = config.key_max_age,
                                   .timing = config.timing,
                                   .services = config.services,
                                   .json = config.json,
                                   .rate = config.rate,
                                   .notifications = config.notifications,
                                   .subscriptions = config.subscriptions,
                                   .usage = config.usage,
                                   .bandwidth = config.bandwidth,
                                   .feed = config.feed,
                                   .location = config.location});
  if (!platform) return std::unexpected(platform.error());
  dns::Counters dns_counters;
  auto dns = dns::DnsService::start(config.dns, (*platform)->store(), (*platform)->rule_reports(),
                                    clock, dns_counters);
  if (!dns) return std::unexpected(dns.error());
  Metrics metrics((*platform)->store(), (*platform)->rule_status());
  metrics.also(
      std::make_shared<notify::NotificationMetrics>((*platform)->notifications(), "sluice_mep"));
  metrics.also(std::make_shared<dns::DnsMetrics>(dns_counters));
  metrics.also(
      std::make_shared<bandwidth::BandwidthMetrics>((*platform)->bandwidth(), "sluice_mep"));
  metrics.also(std::make_shared<feeds::FeedMetrics>((*platform)->feed(), "sluice_mep"));
  metrics.also(std::make_shared<location::LocationMetrics>((*platform)->location(), "sluice_mep"));
  if (auto ok = metrics.serve(config.metrics_address, config.metrics_port); !ok) return ok;
  http::Service service;
  service.handle = [&](http::Request&& request) {
    return http::then((*platform)->handle(std::move(request)), [&](http::Response&& reply) {
      metrics.count_reply(reply.status);
      return std::move(reply);
    });
  };
  service.admit = [&](http::Request& request) {
    auto admission = (*platform)->admit(request);
    if (admission.refusal) metrics.count_reply(admission.refusal->status);
    return admission;
  };
  auto transport = http::PistacheTransport::start(config.http, std::move(service));
  if (!transport) return std::unexpected(transport.error());
  spdlog::info("mep ready http={}:{} metrics={}:{} state={}", config.http.address.to_string(),
               (*transport)->port(), config.metrics_address.to_string(), config.metrics_port,
               config.state_directory);
  loop.run();
  spdlog::info("mep stopping");
  // The transport first, then what it serves. Replies that wait for the store are counted when they
  // go: while there are metrics.
  transport->reset();
  (*platform)->close();
  return {};
}

Result<ConfiguredServer> configure(const std::string& file) {
  const auto config = read_mep_config(file);
  if (!config) return std::unexpected(config.error());
  return ConfiguredServer{config->log_level, [config = *config] { return run(config); }};
}

}  // namespace
}  // namespace sluice::mep

int main(int argc, char** argv) {
  return sluice::run_server(
      argc, argv,
      {.name = "sluice-mep",
       .about = "The MEC platform of one edge site: Mp1 for apps, Mm5 for the platform manager, "
                "and the\n"
                "reconciler that keeps sluice-upf at the desired rules.\n"
                "The first start writes STATE/operator.json, the credentials for Mm5.",
       .version = SLUICE_VERSION,
       .config_file = "/etc/sluice/mep.yaml"},
      sluice::mep::configure);
}
