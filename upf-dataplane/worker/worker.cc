#include "upf-dataplane/worker/worker.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include <algorithm>
#include <thread>

namespace sluice::upf {
namespace {

// So many empty rounds in a row make a worker idle.
constexpr uint32_t kIdleRounds = 256;
// One round of so many is measured.
constexpr uint32_t kSampledRounds = 64;

void load(const rte_mbuf* frame, PortIndex port, Packet& packet) {
  packet.data = rte_pktmbuf_mtod(frame, uint8_t*);
  packet.length = frame->data_len;
  packet.headroom = rte_pktmbuf_headroom(frame);
  packet.tailroom = rte_pktmbuf_tailroom(frame);
  packet.in_port = port;
  packet.guaranteed = false;
}

// Leaves nothing of a frame that is too long for one buffer: it will count as malformed.
void cut(rte_mbuf* frame) {
  rte_pktmbuf_free(frame->next);
  frame->next = nullptr;
  frame->nb_segs = 1;
  frame->data_len = 0;
  frame->pkt_len = 0;
}

// Makes the buffer say what the pipeline left in the packet.
void store(const Packet& packet, rte_mbuf* frame) {
  frame->data_off = packet.headroom;
  frame->data_len = static_cast<uint16_t>(packet.length);
  frame->pkt_len = packet.length;
  frame->ol_flags = 0;
}

}  // namespace

Worker::Worker(WorkerOptions options, const SharedState& shared, WorkerCounters& counters,
               QsbrReclaimer& reclaimer, ControlLink& link, CaptureTap& capture)
    : options_(std::move(options)),
      counters_(counters),
      reclaimer_(reclaimer),
      link_(link),
      capture_(capture),
      copies_(options_.pool),
      pipeline_(shared, counters, options_.cached_flows, &copies_),
      ticks_per_second_(shared.ticks_per_second) {
  pipeline_.record_usage(options_.usage);
  pipeline_.tell_sights(options_.sights);
  for (size_t port = 0; port < options_.capacities.size(); ++port) {
    if (PortCapacity* capacity = options_.capacities[port]) {
      shapers_[port] = std::make_unique<PortShaper>(*capacity);
    }
  }
}

Worker::~Worker() {
  std::array<void*, 64> frames;
  for (const auto& shaper : shapers_) {
    while (const size_t count = shaper == nullptr ? 0 : shaper->give_up(frames)) {
      for (size_t i = 0; i < count; ++i) rte_pktmbuf_free(static_cast<rte_mbuf*>(frames[i]));
    }
  }
}

void Worker::run(const std::atomic<bool>& stop) {
  reclaimer_.online(options_.index);
  uint32_t idle = 0;
  while (!stop.load(std::memory_order_relaxed)) {
    idle = poll() > 0 ? 0 : idle + 1;
    reclaimer_.quiescent(options_.index);
    if (idle < kIdleRounds || options_.idle_sleep.count() == 0) continue;
    // A machine that has no core to spare for an idle user plane; see workers.idle_sleep_us.
    reclaimer_.offline(options_.index);
    std::this_thread::sleep_for(options_.idle_sleep);
    reclaimer_.online(options_.index);
  }
  reclaimer_.offline(options_.index);
}

size_t Worker::poll() {
  size_t received = 0;
  StageTimer& timer = pipeline_.timer();
  timer.begin();
  now_ = rte_rdtsc();
  if (options_.usage != nullptr) options_.usage->begin_round();
  const auto ports = static_cast<PortIndex>(options_.ports.size());
  for (PortIndex port = 0; port < ports; ++port) received += receive(port);
  send_from_control();
  for (PortIndex port = 0; port < ports; ++port) {
    if (shapers_[port] != nullptr) send_waiting(port);
    flush(port);
  }
  timer.lap(Stage::kSend);
  timer.end(received);
  if (received > 0 && ++rounds_ % kSampledRounds == 0) sample_latency(now_);
  return received;
}

void Worker::sample_latency(uint64_t since) {
  const uint64_t ticks = rte_rdtsc() - since;
  counters_.latency.add(ticks * 1000 / std::max<uint64_t>(ticks_per_second_ / 1'000'000, 1));
}

size_t Worker::receive(PortIndex port) {
  const uint16_t count =
      rte_eth_rx_burst(options_.ports[port], static_cast<uint16_t>(options_.index), frames_.data(),
                       static_cast<uint16_t>(options_.burst));
  if (count == 0) return 0;
  uint64_t bytes = 0;
  for (uint16_t i = 0; i < count; ++i) rte_prefetch0(rte_pktmbuf_mtod(frames_[i], void*));
  for (uint16_t i = 0; i < count; ++i) {
    // The pipeline sees frames as one piece; a device that split one has it joined.
    if (frames_[i]->nb_segs > 1 && rte_pktmbuf_linearize(frames_[i]) != 0) cut(frames_[i]);
    load(frames_[i], port, packets_[i]);
    bytes += packets_[i].length;
  }
  counters_.received[port].packets.add(count);
  counters_.received[port].bytes.add(bytes);
  if (const FrameFilter* filter = capture_.filter()) [[unlikely]] {
    capture(*filter, port, true, {frames_.data(), count});
  }
  pipeline_.timer().lap(Stage::kReceive);
  pipeline_.process({packets_.data(), count}, now_);
  for (const WorkerEvent& event : pipeline_.events()) {
    if (!link_.tell(event.slot)) event.meter->not_told();
  }
  for (uint16_t i = 0; i < count; ++i) dispatch(packets_[i], frames_[i]);
  for (size_t i = 0; i < copies_.count(); ++i) dispatch(copies_.packet(i), copies_.buffer(i));
  copies_.clear();
  pipeline_.timer().lap(Stage::kSend);
  return count;
}

void Worker::capture(const FrameFilter& filter, PortIndex port, bool received,
                     std::span<rte_mbuf* const> frames) {
  const uint64_t now = rte_rdtsc();
  for (const rte_mbuf* frame : frames) {
    capture_.copy(filter, port, received, now,
                  {rte_pktmbuf_mtod(frame, const uint8_t*), frame->data_len});
  }
}

void Worker::dispatch(const Packet& packet, rte_mbuf* frame) {
  switch (packet.verdict) {
    case Verdict::kSend:
      store(packet, frame);
      if (shapers_[packet.out_port] != nullptr) {
        shape(packet, frame);
      } else {
        queue(packet.out_port, frame);
      }
      return;
    case Verdict::kPuntLearn:
    case Verdict::kPuntResolve: {
      store(packet, frame);
      const bool learn = packet.verdict == Verdict::kPuntLearn;
      if (link_.punt(frame, learn ? ControlLink::Punt::kLearn : ControlLink::Punt::kResolve,
                     learn ? packet.in_port : packet.out_port)) {
        counters_.punted.add(1);
        return;
      }
      counters_.dropped[static_cast<size_t>(DropReason::kPuntFull)].add(1);
      break;
    }
    case Verdict::kHold:
      if (link_.hold(frame, packet.slot, packet.pdr, packet.in_port)) {
        counters_.punted.add(1);
        return;
      }
      counters_.dropped[static_cast<size_t>(DropReason::kPuntFull)].add(1);
      break;
    case Verdict::kException:
      store(packet, frame);
      if (link_.except(frame, packet)) {
        counters_.punted.add(1);
        return;
      }
      counters_.dropped[static_cast<size_t>(DropReason::kPuntFull)].add(1);
      break;
    case Verdict::kDrop:
    case Verdict::kPending:
      break;
  }
  rte_pktmbuf_free(frame);
}

void Worker::queue(PortIndex port, rte_mbuf* frame) {
  Outbox& outbox = outboxes_[port];
  if (outbox.count == Outbox::kCapacity) flush(port);
  outbox.frames[outbox.count++] = frame;
}

void Worker::shape(const Packet& packet, rte_mbuf* frame) {
  PortShaper& shaper = *shapers_[packet.out_port];
  if (shaper.pass(packet.length, packet.guaranteed, now_)) {
    queue(packet.out_port, frame);
  } else if (!shaper.wait(frame, packet.length, packet.slot)) {
    counters_.dropped[static_cast<size_t>(DropReason::kPortBusy)].add(1);
    rte_pktmbuf_free(frame);
  }
}

void Worker::send_waiting(PortIndex port) {
  std::array<void*, 64> frames;
  size_t count = 0;
  do {
    count = shapers_[port]->take(frames, now_);
    for (size_t i = 0; i < count; ++i) queue(port, static_cast<rte_mbuf*>(frames[i]));
  } while (count == frames.size());
}

void Worker::flush(PortIndex port) {
  Outbox& outbox = outboxes_[port];
  if (outbox.count == 0) return;
  if (const FrameFilter* filter = capture_.filter()) [[unlikely]] {
    capture(*filter, port, false, {outbox.frames.data(), outbox.count});
  }
  uint64_t bytes = 0;
  for (uint16_t i = 0; i < outbox.count; ++i) bytes += outbox.frames[i]->pkt_len;
  const uint16_t sent =
      rte_eth_tx_burst(options_.ports[port], static_cast<uint16_t>(options_.index),
                       outbox.frames.data(), outbox.count);
  for (uint16_t i = sent; i < outbox.count; ++i) {
    bytes -= outbox.frames[i]->pkt_len;
    rte_pktmbuf_free(outbox.frames[i]);
  }
  counters_.sent[port].packets.add(sent);
  counters_.sent[port].bytes.add(bytes);
  if (sent < outbox.count) {
    counters_.dropped[static_cast<size_t>(DropReason::kTxFull)].add(
        static_cast<uint64_t>(outbox.count - sent));
  }
  outbox.count = 0;
}

// Before what this round has received: the control thread releases what it buffered for a session
// before workers see that the session forwards.
void Worker::send_from_control() {
  std::array<rte_mbuf*, 64> frames;
  while (const size_t count = link_.take_to_send(frames)) {
    for (size_t i = 0; i < count; ++i) {
      const auto port = static_cast<PortIndex>(frames[i]->port);
      if (const FrameFilter* filter = capture_.filter()) [[unlikely]] {
        capture(*filter, port, false, {&frames[i], 1});
      }
      const uint64_t bytes = frames[i]->pkt_len;
      if (rte_eth_tx_burst(options_.ports[port], static_cast<uint16_t>(options_.index), &frames[i],
                           1) == 1) {
        counters_.sent[port].packets.add(1);
        counters_.sent[port].bytes.add(bytes);
      } else {
        rte_pktmbuf_free(frames[i]);
        counters_.dropped[static_cast<size_t>(DropReason::kTxFull)].add(1);
      }
    }
    if (count < frames.size()) break;
  }
}

}  // namespace sluice::upf
