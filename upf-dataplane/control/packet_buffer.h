// The packets that sessions buffer (BUFF), in the order in which they came.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/clock.h"
#include "upf-dataplane/control/buffer_limits.h"
#include "upf-dataplane/control/control_pipeline.h"
#include "upf-dataplane/session/session.h"

namespace sluice::upf {

// Control thread only. Packets are copies of whole frames: workers' buffers go back at once, so
// that users who are away cannot take the buffers of those who are not.
class PacketBuffer {
 public:
  // `counters` are the control thread's own, for the drops. All must outlive this.
  PacketBuffer(const BufferLimits& limits, const SharedState& shared, WorkerCounters& counters,
               ControlPipeline& pipeline, const Clock& clock);

  // A frame that a worker handed over for the session in a slot, whose PDR `pdr` buffered it. It
  // leaves at once when the session forwards it by now and nothing waits before it. `ports` are a
  // fragment's, when they are known.
  void hold(uint32_t slot, PdrId pdr, PortIndex port, std::span<const uint8_t> frame,
            const Session& session, const FragmentPorts* ports = nullptr);

  // Who is told of packets that are dropped instead of released: their slot, PDR and bytes behind
  // Ethernet.
  void on_drop(std::function<void(uint32_t slot, PdrId pdr, uint32_t bytes)> listener) {
    on_drop_ = std::move(listener);
  }

  // A limit below the configured one, from a BAR; nullopt: none.
  void set_suggested(uint32_t slot, std::optional<size_t> packets);

  // `session` is about to be, or is, the one in its slot: what it forwards leaves, in order; what
  // it buffers stays. As long as a neighbour that it sends to has not answered everything waits,
  // for kPatience at most.
  void release(const Session& session);
  // Releases what waits for a neighbour. `find` gives the session of a slot.
  void retry(const std::function<const Session*(uint32_t slot)>& find);
  static constexpr std::chrono::seconds kPatience{3};

  // Drops what is buffered for a slot.
  void drop(uint32_t slot);
  // The same, and its limit: the slot's session is gone.
  void forget(uint32_t slot);

  size_t packets() const { return packets_; }
  size_t bytes() const { return bytes_; }
  // Slots that packets are held for, or that have a limit of their own.
  size_t slots() const { return queues_.size(); }

 private:
  struct Held {
    PortIndex port = 0;
    PdrId pdr;
    std::vector<uint8_t> frame;
    uint64_t order = 0;
    std::optional<FragmentPorts> ports = {};
  };
  struct Queue {
    std::deque<Held> held;
    size_t bytes = 0;
    std::optional<size_t> suggested;
    std::optional<std::chrono::steady_clock::time_point> waiting_since;  // for a neighbour
  };

  bool is_ready(const Session& session) const;
  static bool buffers(const Session& session, PdrId pdr);
  void wait(uint32_t slot, Queue& queue);
  // Forgets a queue that holds nothing and has no limit of its own.
  void settle(std::map<uint32_t, Queue>::iterator queue);
  // True when the packet left or was dropped; false when the session still buffers it.
  bool process(const Held& held, const Session& session);
  void dispatch(const Packet& packet);
  void append(uint32_t slot, Queue& queue, Held held);
  void drop_oldest(uint32_t slot, DropReason reason);
  void count(DropReason reason) { counters_.dropped[static_cast<size_t>(reason)].add(1); }

  BufferLimits limits_;
  const SharedState& shared_;
  WorkerCounters& counters_;
  ControlPipeline& pipeline_;
  const Clock& clock_;
  std::function<void(uint32_t, PdrId, uint32_t)> on_drop_;
  std::map<uint32_t, Queue> queues_;
  std::set<uint32_t> waiting_;           // slots whose queue waits for a neighbour
  std::map<uint64_t, uint32_t> oldest_;  // order of a queue's first packet: its slot
  uint64_t last_order_ = 0;
  size_t packets_ = 0;
  size_t bytes_ = 0;
};

}  // namespace sluice::upf
