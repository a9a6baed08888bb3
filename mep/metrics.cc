#include "mep/metrics.h"

#include <algorithm>

#include "base/metrics/exposer.h"

namespace sluice::mep {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily gauge(const char* name, const char* help) {
  return {name, help, MetricType::Gauge, {}};
}

void add(MetricFamily& family, double value, std::vector<ClientMetric::Label> labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  family.metric.push_back(std::move(metric));
}

}  // namespace

std::vector<MetricFamily> SteeringMetrics::Collect() const {
  const auto state = store_.snapshot();
  const auto link = rule_status_.link();
  auto connected = gauge("sluice_mep_upf_connected", "1 while the user plane is connected on Mp2");
  add(connected, link.connected ? 1 : 0);
  auto generations = gauge("sluice_mep_rule_set_generation", "Number of the rule set");
  add(generations, static_cast<double>(state.generation()), {{"which", "desired"}});
  add(generations, static_cast<double>(link.installed_generation), {{"which", "installed"}});
  auto refused =
      gauge("sluice_mep_rule_set_refused", "1 while the user plane refuses the newest rule set");
  add(refused, link.refusal.empty() ? 0 : 1);
  auto apps = gauge("sluice_mep_app_instances", "App instances provisioned");
  add(apps, static_cast<double>(state.apps().size()));
  auto rules = gauge("sluice_mep_rules", "Traffic and DNS rules by state, as Mm5 shows it");
  for (const auto& [word, count] : rule_status_.counts(state)) {
    add(rules, static_cast<double>(count), {{"state", word}});
  }
  return {connected, generations, refused, apps, rules};
}

Metrics::Metrics(const Store& store, const RuleStatusView& rule_status)
    : registry_(std::make_shared<prometheus::Registry>()),
      replies_(prometheus::BuildCounter()
                   .Name("sluice_mep_http_replies_total")
                   .Help("Replies to HTTP requests by status code")
                   .Register(*registry_)),
      steering_(std::make_shared<SteeringMetrics>(store, rule_status)) {}

void Metrics::count_reply(int status) {
  auto& known = replies_by_status_[static_cast<size_t>(std::clamp(status, 0, kMaxStatus))];
  auto* counter = known.load(std::memory_order_acquire);
  if (counter == nullptr) {  // the family gives every thread the same one
    counter = &replies_.Add({{"code", std::to_string(status)}});
    known.store(counter, std::memory_order_release);
  }
  counter->Increment();
}

Result<void> Metrics::serve(const IpAddress& address, uint16_t port) {
  more_.push_back(registry_);
  more_.push_back(steering_);
  auto exposer = serve_metrics(address, port, more_);
  if (!exposer) return std::unexpected(exposer.error());
  exposer_ = std::move(*exposer);
  return {};
}

}  // namespace sluice::mep
