#include "upf-dataplane/control/metrics.h"

#include <array>
#include <limits>
#include <string_view>

#include "upf-dataplane/pfcp/cause.h"

namespace sluice::upf {
namespace {

using Labels = MetricFamilies::Labels;

double number(uint64_t value) { return static_cast<double>(value); }

void add_ports(const MetricsSource& source, MetricFamilies& out) {
  struct Series {
    const char* name;
    const char* help;
    bool sent;
    bool bytes;
  };
  constexpr Series kSeries[] = {
      {"sluice_upf_port_received_packets_total", "Frames received.", false, false},
      {"sluice_upf_port_received_bytes_total", "Bytes of frames received.", false, true},
      {"sluice_upf_port_sent_packets_total", "Frames sent.", true, false},
      {"sluice_upf_port_sent_bytes_total", "Bytes of frames sent.", true, true},
  };
  const auto& ports = source.neighbours.ports();
  for (const auto& series : kSeries) {
    auto family = out.counter(series.name, series.help);
    for (size_t i = 0; i < ports.size(); ++i) {
      const Traffic traffic =
          source.counters.traffic([&](const WorkerCounters& w) -> const TrafficCounter& {
            return series.sent ? w.sent[i] : w.received[i];
          });
      family.add({{"port", ports[i].name}}, number(series.bytes ? traffic.bytes : traffic.packets));
    }
  }
  auto missed = out.counter("sluice_upf_port_missed_packets_total",
                            "Frames that the device lost because the workers were behind.");
  for (size_t i = 0; i < source.missed.size(); ++i) {
    missed.add({{"port", ports[i].name}}, number(source.missed[i]));
  }
  auto received = out.counter("sluice_upf_worker_received_packets_total",
                              "Frames received, by the worker that took them.");
  for (size_t i = 0; i < source.received.size(); ++i) {
    received.add({{"worker", std::to_string(i)}}, number(source.received[i]));
  }
}

void add_drops(const MetricsSource& source, MetricFamilies& out) {
  auto family = out.counter("sluice_upf_dropped_packets_total", "Packets dropped, by reason.");
  for (size_t i = 0; i < kDropReasons; ++i) {
    family.add({{"reason", std::string(to_string(static_cast<DropReason>(i)))}},
               number(source.counters.count(
                   [i](const WorkerCounters& w) -> const Counter& { return w.dropped[i]; })));
  }
  uint64_t by_control = 0;
  for (const auto& reason : source.counters.control().dropped) by_control += reason.get();
  out.counter("sluice_upf_control_dropped_packets_total",
              "Of the packets dropped those that had been handed to the control thread before.")
      .add(number(by_control));
}

void add_copies(const MetricsSource& source, MetricFamilies& out) {
  out.counter("sluice_upf_copied_packets_total",
              "Packets made, beside those received, to duplicate what rules and FARs ask for.")
      .add(number(source.counters.count(
          [](const WorkerCounters& w) -> const Counter& { return w.copied; })));
  out.counter("sluice_upf_control_copied_packets_total",
              "Of the packets made to duplicate others those that the control thread made.")
      .add(number(source.counters.control().copied.get()));
}

void add_answers(const MetricsSource& source, MetricFamilies& out) {
  auto family = out.counter("sluice_upf_answered_packets_total",
                            "Packets that the user plane answered itself.");
  for (size_t i = 0; i < kAnswers; ++i) {
    family.add({{"kind", std::string(to_string(static_cast<Answer>(i)))}},
               number(source.counters.count(
                   [i](const WorkerCounters& w) -> const Counter& { return w.answered[i]; })));
  }
}

void add_rules(const MetricsSource& source, MetricFamilies& out) {
  const auto status = source.steering.status();
  const auto each = [&](auto family, auto value) {
    for (const auto& rule : status.rules) {
      family.add({{"rule", rule.key}, {"kind", "traffic"}}, value(rule));
    }
    for (const auto& rule : status.dns) {
      family.add({{"rule", rule.key}, {"kind", "dns"}}, value(rule));
    }
  };
  each(out.counter("sluice_upf_rule_hits_total", "Packets that a MEC rule decided."),
       [](const auto& rule) { return number(rule.hits); });
  each(out.counter("sluice_upf_rule_bytes_total", "Bytes of the packets that a MEC rule decided."),
       [](const auto& rule) { return number(rule.bytes); });
  each(out.gauge("sluice_upf_rule_steering", "1 while the rule is in effect, 0 otherwise."),
       [](const auto& rule) { return rule.state == mp2::SteeringState::kSteering ? 1.0 : 0.0; });
  out.gauge("sluice_upf_rules_generation", "Generation of the installed rule set.")
      .add(number(status.generation));
  out.counter("sluice_upf_rule_sets_applied_total", "Rule sets taken over from the platform.")
      .add(number(source.steering.sets_applied()));
}

void add_sessions(const MetricsSource& source, MetricFamilies& out) {
  out.gauge("sluice_upf_sessions", "Sessions installed.").add(number(source.sessions.size()));
  out.gauge("sluice_upf_buffered_packets", "Packets buffered for users who are away.")
      .add(number(source.buffer.packets()));
  out.gauge("sluice_upf_buffered_bytes", "Bytes of the packets buffered.")
      .add(number(source.buffer.bytes()));
  auto guaranteed = out.gauge("sluice_upf_guaranteed_bits_per_second",
                              "Sum of the guaranteed bit rates of all sessions.");
  guaranteed.add({{"direction", "uplink"}},
                 1000 * number(source.sessions.guaranteed().uplink_kbps));
  guaranteed.add({{"direction", "downlink"}},
                 1000 * number(source.sessions.guaranteed().downlink_kbps));
  if (!source.per_session) return;
  auto bytes = out.counter("sluice_upf_session_bytes_total", "User bytes of a session.");
  source.sessions.each_usage([&](Seid seid, const SessionUsage& usage) {
    const auto name = fmt::format("{:#x}", seid.value());
    bytes.add({{"seid", name}, {"direction", "uplink"}}, number(usage.uplink_bytes));
    bytes.add({{"seid", name}, {"direction", "downlink"}}, number(usage.downlink_bytes));
  });
}

void add_n4(const MetricsSource& source, MetricFamilies& out) {
  const auto& counters = source.n4->counters();
  auto messages = out.counter("sluice_upf_n4_messages_total", "PFCP messages.");
  for (size_t type = 0; type < counters.received.size(); ++type) {
    const auto* info = pfcp::find_message(static_cast<pfcp::MessageType>(type));
    if (info == nullptr) continue;
    const std::string name(info->name);
    if (counters.received[type] != 0) {
      messages.add({{"message", name}, {"direction", "received"}}, number(counters.received[type]));
    }
    if (counters.sent[type] != 0) {
      messages.add({{"message", name}, {"direction", "sent"}}, number(counters.sent[type]));
    }
  }
  auto responses = out.counter("sluice_upf_n4_responses_total", "Responses sent, by cause.");
  for (size_t cause = 0; cause < counters.responses.size(); ++cause) {
    if (counters.responses[cause] == 0) continue;
    responses.add({{"cause", std::string(cause_name(static_cast<pfcp::Cause>(cause)))}},
                  number(counters.responses[cause]));
  }
  out.counter("sluice_upf_n4_malformed_total", "Datagrams that are not PFCP.")
      .add(number(counters.malformed));
  out.counter("sluice_upf_n4_sessions_purged_total",
              "Sessions removed because their SMF restarted, released or stayed away.")
      .add(number(counters.sessions_purged));
  out.counter("sluice_upf_n4_sessions_replaced_total",
              "Sessions removed because their SMF gave their UE's address to another session.")
      .add(number(counters.sessions_replaced));
  out.counter("sluice_upf_n4_reports_repeated_total",
              "Session reports sent again for want of an answer.")
      .add(number(counters.reports_repeated));
  out.counter("sluice_upf_n4_reports_lost_total",
              "Session reports given up because too many wait for an answer.")
      .add(number(counters.reports_lost));
  out.gauge("sluice_upf_n4_associations", "SMFs associated.")
      .add(number(source.n4->associations().size()));
}

void add_paths(const MetricsSource& source, MetricFamilies& out) {
  out.gauge("sluice_upf_gtpu_peers", "GTP-U peers that tunnels lead to and that are asked.")
      .add(number(source.paths.peers()));
  out.gauge("sluice_upf_gtpu_paths_failed", "GTP-U peers that do not answer.")
      .add(number(source.paths.failed()));
  out.counter("sluice_upf_gtpu_echo_requests_total", "GTP-U echo requests sent.")
      .add(number(source.paths.requests()));
  out.counter("sluice_upf_gtpu_error_indications_total", "GTP-U error indications received.")
      .add(number(source.error_indications));
  out.counter("sluice_upf_gtpu_error_indications_ignored_total",
              "GTP-U error indications that came from somebody else than the peer they name.")
      .add(number(source.foreign_error_indications));
}

void add_wire(const MetricsSource& source, MetricFamilies& out) {
  auto passed = out.counter("sluice_upf_wire_passed_packets_total",
                            "Frames that stayed on the wire as they came, by the reason.");
  for (size_t i = 0; i < kPassed; ++i) {
    passed.add({{"reason", std::string(to_string(static_cast<Passed>(i)))}},
               number(source.counters.count(
                   [i](const WorkerCounters& w) -> const Counter& { return w.passed[i]; })));
  }
  const TunnelLearner& learner = *source.learner;
  out.gauge("sluice_upf_learned_users", "Users whose tunnels were seen on the wire.")
      .add(number(learner.size()));
  out.gauge("sluice_upf_steerable_users",
            "Users whose tunnels are known both ways, under addresses of their own.")
      .add(number(learner.steerable()));
  const auto& statistics = learner.statistics();
  auto changes = out.counter("sluice_upf_learned_changes_total",
                             "What became known of users' tunnels, and was forgotten.");
  changes.add({{"change", "learned"}}, number(statistics.learned));
  changes.add({{"change", "moved"}}, number(statistics.moved));
  changes.add({{"change", "ended"}}, number(statistics.ended));
  changes.add({{"change", "forgotten"}}, number(statistics.forgotten));
  changes.add({{"change", "refused"}}, number(statistics.refused));
  changes.add({{"change", "lost"}}, number(learner.lost()));
}

void add_latency(const MetricsSource& source, MetricFamilies& out) {
  std::vector<MetricFamilies::Bucket> buckets;
  for (size_t i = 0; i < LatencyHistogram::kBuckets; ++i) {
    const uint64_t count = source.counters.count(
        [i](const WorkerCounters& w) -> const Counter& { return w.latency.buckets[i]; });
    const bool is_last = i + 1 == LatencyHistogram::kBuckets;
    const double bound =
        is_last ? std::numeric_limits<double>::infinity()
                : static_cast<double>(uint64_t{1} << (i + LatencyHistogram::kFirstPower)) / 1e9;
    buckets.push_back({bound, count});
  }
  const uint64_t sum = source.counters.count(
      [](const WorkerCounters& w) -> const Counter& { return w.latency.sum_ns; });
  out.histogram(
         "sluice_upf_latency_seconds",
         "From the reception of a round's first frames to its hand-over to the ports, of one round "
         "in 64.")
      .add({}, buckets, number(sum) / 1e9);
}

void add_usage_records(const MetricsSource& source, MetricFamilies& out) {
  if (source.usage == nullptr) return;
  out.counter("sluice_upf_usage_records_total", "Usage records made.")
      .add(number(source.usage->records()));
  out.counter(
         "sluice_upf_usage_unattributed_packets_total",
         "Packets under rules that no usage record tells, because too many users and rules were "
         "busy at once.")
      .add(number(source.usage->unattributed()));
  out.counter("sluice_upf_usage_losses_total",
              "Times that usage records were lost because they could not be written.")
      .add(number(source.usage_losses));
}

}  // namespace

void collect_metrics(const MetricsSource& source, MetricFamilies& out) {
  add_ports(source, out);
  add_drops(source, out);
  add_copies(source, out);
  add_answers(source, out);
  add_rules(source, out);
  add_sessions(source, out);
  if (source.n4 != nullptr) {
    add_n4(source, out);
    add_paths(source, out);
  }
  if (source.learner != nullptr) add_wire(source, out);
  add_latency(source, out);
  add_usage_records(source, out);
  out.gauge("sluice_upf_mep_connected", "1 while a platform is connected by Mp2.")
      .add(source.mep_connected ? 1 : 0);
  out.gauge("sluice_upf_neighbours", "Neighbours that are tracked.")
      .add(number(source.neighbours.size()));
  out.counter("sluice_upf_punted_packets_total", "Frames handed to the control thread.")
      .add(number(source.counters.count(
          [](const WorkerCounters& w) -> const Counter& { return w.punted; })));
  out.counter("sluice_upf_control_frames_total",
              "Frames that the control thread gave the workers to send.")
      .add(number(source.control_frames));
  out.counter("sluice_upf_control_frames_lost_total",
              "Frames of the control thread that the workers had no room for.")
      .add(number(source.control_frames_lost));
  auto cache = out.counter("sluice_upf_flow_cache_total", "Look-ups in the flow caches.");
  cache.add({{"result", "hit"}},
            number(source.counters.count(
                [](const WorkerCounters& w) -> const Counter& { return w.cache_hits; })));
  cache.add({{"result", "miss"}},
            number(source.counters.count(
                [](const WorkerCounters& w) -> const Counter& { return w.cache_misses; })));
}

}  // namespace sluice::upf
