// What a worker counts. Each worker has its own; the control thread reads them all and sums.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/huge_memory.h"
#include "upf-dataplane/packet/packet.h"

namespace sluice::upf {

// Written by one thread, read by others: a plain add for the writer, never torn for the readers.
class Counter {
 public:
  void add(uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }
  // Only while its writer cannot be counting.
  void reset() { value_.store(0, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

struct TrafficCounter {
  Counter packets;
  Counter bytes;
  void add(uint64_t length) {
    packets.add(1);
    bytes.add(length);
  }
};

// A sum over workers.
struct Traffic {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  Traffic& operator+=(const TrafficCounter& c) {
    packets += c.packets.get();
    bytes += c.bytes.get();
    return *this;
  }
};

// What the UPF answers itself.
enum class Answer : uint8_t {
  kArp,
  kNeighbour,
  kIcmpEcho,
  kGtpuEcho,
  kDns,
  kRedirect,  // to the requests of a UE whose FAR says so
  kIcmpTimeExceeded,
  kIcmpTooBig,
  kTunnelUnknown,
  kExtensionUnknown,
  kCount
};
inline constexpr size_t kAnswers = static_cast<size_t>(Answer::kCount);

// The name under which metrics show it.
constexpr std::string_view to_string(Answer answer) {
  constexpr std::array<std::string_view, kAnswers> kNames = {"arp",
                                                             "neighbour",
                                                             "icmp_echo",
                                                             "gtpu_echo",
                                                             "dns",
                                                             "redirect",
                                                             "icmp_time_exceeded",
                                                             "icmp_too_big",
                                                             "gtpu_error_indication",
                                                             "gtpu_extensions"};
  return kNames[static_cast<size_t>(answer)];
}

// Why a frame stayed on the wire of the mode inline.
enum class Passed : uint8_t {
  kOther,          // no GTP-U: ARP, SCTP, IPsec, …
  kSignalling,     // GTP-U that carries no user's packet
  kNotUnderstood,  // GTP-U or a user's packet that cannot be read, or that is of the link
  kFragment,       // of the tunnel's packet or of the user's
  kUnknown,        // a user whose tunnels are not known both ways, or whose address is ambiguous
  kNoRule,         // no MEC rule takes it, or nobody answers where it leads
  kCount
};
inline constexpr size_t kPassed = static_cast<size_t>(Passed::kCount);

// The name under which metrics show it.
constexpr std::string_view to_string(Passed why) {
  constexpr std::array<std::string_view, kPassed> kNames = {
      "other", "signalling", "not_understood", "fragment", "unknown_user", "no_rule"};
  return kNames[static_cast<size_t>(why)];
}

// How long packets stay in a worker, sampled. Buckets by powers of two: bucket i holds what took
// less than 2^(i + kFirstPower) ns and not less than half of that; the last, everything longer.
struct LatencyHistogram {
  static constexpr size_t kBuckets = 16;
  static constexpr unsigned kFirstPower = 9;  // 512 ns; the last but one ends at 8.4 ms
  std::array<Counter, kBuckets> buckets;
  Counter sum_ns;
  void add(uint64_t ns) {
    const auto power = static_cast<unsigned>(std::bit_width(ns));
    const size_t bucket = power <= kFirstPower ? 0 : power - kFirstPower;
    buckets[bucket < kBuckets ? bucket : kBuckets - 1].add(1);
    sum_ns.add(ns);
  }
};

struct SessionCounters {
  TrafficCounter uplink;  // inner IP bytes
  TrafficCounter downlink;
};

// What a worker does with a burst; see StageTimer.
enum class Stage : uint8_t { kReceive, kParse, kSession, kClassify, kAct, kSend, kCount };
inline constexpr size_t kStages = static_cast<size_t>(Stage::kCount);

struct StageCounters {
  std::array<Counter, kStages> cycles;
  Counter packets;  // that were timed
};

struct alignas(64) WorkerCounters {
  WorkerCounters(size_t session_slots, size_t rule_slots)
      : sessions(session_slots), seen(session_slots), rules(rule_slots) {}

  std::array<TrafficCounter, kMaxPorts> received;
  std::array<TrafficCounter, kMaxPorts> sent;
  std::array<Counter, kDropReasons> dropped;
  std::array<Counter, kAnswers> answered;
  std::array<Counter, kPassed> passed;
  Counter punted;
  Counter copied;  // packets made, beside those received, for duplication
  Counter cache_hits;
  Counter cache_misses;
  LatencyHistogram latency;
  StageCounters stages;
  HugeVector<SessionCounters> sessions;
  // In the mode inline, by slot: the frames that the two ends of the wire have shown of a user;
  // what apps send to the user is not among them.
  HugeVector<Counter> seen;
  HugeVector<TrafficCounter> rules;  // traffic and DNS rules alike
};

// The counters of all workers, and of the control thread.
class CounterBank {
 public:
  CounterBank(size_t workers, size_t session_slots, size_t rule_slots) {
    for (size_t i = 0; i < workers; ++i) {
      workers_.push_back(std::make_unique<WorkerCounters>(session_slots, rule_slots));
    }
  }

  size_t workers() const { return workers_.size(); }
  WorkerCounters& worker(size_t i) { return *workers_[i]; }
  // The control thread's own come last: what it sends and drops on behalf of sessions.
  WorkerCounters& control() { return *workers_.back(); }
  const WorkerCounters& control() const { return *workers_.back(); }

  // Sums `pick(counters)` over the workers: a Counter gives a number, a TrafficCounter a Traffic.
  template <typename Pick>
  Traffic traffic(Pick pick) const {
    Traffic sum;
    for (const auto& worker : workers_) sum += pick(*worker);
    return sum;
  }
  template <typename Pick>
  uint64_t count(Pick pick) const {
    uint64_t sum = 0;
    for (const auto& worker : workers_) sum += pick(*worker).get();
    return sum;
  }
  // Runs `act` on each; for resetting what no worker counts into.
  template <typename Act>
  void each(Act act) {
    for (auto& worker : workers_) act(*worker);
  }

 private:
  std::vector<std::unique_ptr<WorkerCounters>> workers_;
};

}  // namespace sluice::upf
