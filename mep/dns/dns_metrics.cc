#include "mep/dns/dns_metrics.h"

#include "base/metrics/families.h"

namespace sluice::mep::dns {

std::vector<prometheus::MetricFamily> DnsMetrics::Collect() const {
  const auto value = [](const Counters::Count& count) {
    return static_cast<double>(count.load(std::memory_order_relaxed));
  };
  const auto& c = counters_;
  MetricFamilies families;
  families.counter("sluice_mep_dns_queries_total", "DNS queries received")
      .add({{"transport", "udp"}}, value(c.udp_queries))
      .add({{"transport", "tcp"}}, value(c.tcp_queries));
  families.counter("sluice_mep_dns_responses_total", "What became of the DNS queries")
      .add({{"by", "rule"}}, value(c.by_rule))
      .add({{"by", "cache"}}, value(c.from_cache))
      .add({{"by", "upstream"}}, value(c.forwarded))
      .add({{"by", "failure"}}, value(c.failed))
      .add({{"by", "error"}}, value(c.errors))
      .add({{"by", "refusal"}}, value(c.refused))
      .add({{"by", "silence"}}, value(c.unanswered));
  families.counter("sluice_mep_dns_upstream_attempts_total", "Questions sent to upstream resolvers")
      .add(value(c.attempts));
  families
      .counter("sluice_mep_dns_upstream_failures_total",
               "Questions that an upstream resolver did not answer usably")
      .add(value(c.failed_attempts));
  families
      .counter("sluice_mep_dns_upstream_misfits_total",
               "Datagrams of upstream resolvers that fit no question, late or forged")
      .add(value(c.false_responses));
  families.gauge("sluice_mep_dns_outstanding", "Questions that upstream resolvers have to answer")
      .add(value(c.outstanding));
  families.gauge("sluice_mep_dns_tcp_connections", "TCP connections of DNS clients")
      .add(value(c.connections));
  return families.release();
}

}  // namespace sluice::mep::dns
