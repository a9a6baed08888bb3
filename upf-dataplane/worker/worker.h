// One worker lcore: polls its queue of every port, runs the pipeline, sends.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "upf-dataplane/qos/port_shaper.h"
#include "upf-dataplane/worker/capture_tap.h"
#include "upf-dataplane/worker/control_link.h"
#include "upf-dataplane/worker/counters.h"
#include "upf-dataplane/worker/pipeline.h"
#include "upf-dataplane/worker/qsbr_reclaimer.h"
#include "upf-dataplane/worker/worker_copies.h"

struct rte_mbuf;
struct rte_mempool;

namespace sluice::upf {

struct WorkerOptions {
  uint32_t index = 0;           // also its queue of every port
  std::vector<uint16_t> ports;  // DPDK's ids by PortIndex
  uint32_t burst = 32;          // frames taken from a queue at once, 1..64
  uint32_t cached_flows = 65536;
  std::chrono::microseconds idle_sleep{0};  // after many empty polls; 0: never
  rte_mempool* pool = nullptr;              // for copies of packets
  UsageRecorder* usage = nullptr;           // outlives the worker; null: none
  SightQueue* sights = nullptr;             // the same; only in the mode inline
  // By PortIndex, null where a port has no configured capacity; empty: none has. Outlive the
  // worker.
  std::vector<PortCapacity*> capacities = {};
};

class Worker {
 public:
  // All must outlive this.
  Worker(WorkerOptions options, const SharedState& shared, WorkerCounters& counters,
         QsbrReclaimer& reclaimer, ControlLink& link, CaptureTap& capture);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();  // frees what still waits

  // Runs until `stop` is set.
  void run(const std::atomic<bool>& stop);
  // One round over all ports; how many frames there were.
  size_t poll();

 private:
  // Frames collected for a port until the end of the round.
  struct Outbox {
    static constexpr uint16_t kCapacity = 256;
    std::array<rte_mbuf*, kCapacity> frames;
    uint16_t count = 0;
  };

  size_t receive(PortIndex port);
  void capture(const FrameFilter& filter, PortIndex port, bool received,
               std::span<rte_mbuf* const> frames);
  // How long the round took whose first frames came at `since`, in ticks.
  void sample_latency(uint64_t since);
  void dispatch(const Packet& packet, rte_mbuf* frame);
  void queue(PortIndex port, rte_mbuf* frame);
  // Sends by a port with a configured capacity, now or later.
  void shape(const Packet& packet, rte_mbuf* frame);
  void send_waiting(PortIndex port);
  void flush(PortIndex port);
  void send_from_control();

  WorkerOptions options_;
  WorkerCounters& counters_;
  QsbrReclaimer& reclaimer_;
  ControlLink& link_;
  CaptureTap& capture_;
  WorkerCopies copies_;
  Pipeline pipeline_;
  std::array<Outbox, kMaxPorts> outboxes_;
  std::array<std::unique_ptr<PortShaper>, kMaxPorts> shapers_;
  uint64_t now_ = 0;  // ticks, of the round
  std::array<rte_mbuf*, Pipeline::kMaxBurst> frames_;
  std::array<Packet, Pipeline::kMaxBurst> packets_;
  const uint64_t ticks_per_second_;
  uint32_t rounds_ = 0;  // in which something came
};

}  // namespace sluice::upf
