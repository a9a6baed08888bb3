// The rings between the workers and the control thread, so that neither ever waits for the other.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>

#include "base/error.h"
#include "upf-dataplane/control/exception_frame.h"
#include "upf-dataplane/control/neighbours.h"
#include "upf-dataplane/packet/packet.h"
#include "upf-dataplane/session/model.h"

struct rte_mbuf;
struct rte_mempool;
struct rte_ring;

namespace sluice::upf {

struct RingDeleter {
  void operator()(rte_ring* ring) const;
};

class ControlLink final : public FrameSender {
 public:
  // `pool` is where send() takes its buffers from.
  // `sessions` bounds the slots of hold().
  static Result<std::unique_ptr<ControlLink>> make(rte_mempool* pool, size_t sessions);
  ~ControlLink() override;

  // What a worker hands over: a frame to learn from, or to find a next hop for.
  enum class Punt : uint8_t { kLearn, kResolve };

  // --- workers ---
  // Takes the buffer over; false, and it stays the worker's, when the control thread is behind.
  bool punt(rte_mbuf* frame, Punt why, PortIndex port);
  // Takes over a buffer that is to be held for a session; false, and it stays the worker's, when
  // the control thread is behind, or has kMostHeld packets of the session still to take: nobody who
  // is away takes the ring from the others.
  static constexpr uint16_t kMostHeld = 32;
  bool hold(rte_mbuf* frame, uint32_t slot, uint16_t pdr, PortIndex port);
  // Hands over a frame that needs more than a worker has; false, and it stays the worker's, when
  // the control thread is behind.
  bool except(rte_mbuf* frame, const Packet& packet);
  // Tells the control thread that the session in a slot wants attention; false when it is behind.
  bool tell(uint32_t slot);
  // Frames to send, with their port in mbuf->port; at most frames.size().
  size_t take_to_send(std::span<rte_mbuf*> frames);

  // --- control thread ---
  bool send(PortIndex port, const Frame& frame) override;
  using PuntHandler = std::function<void(Punt, PortIndex, std::span<const uint8_t>)>;
  // Hands what was punted to `handle`: answers first, and of the packets that want a next hop no
  // more than few, so that users who scan addresses do not starve the watch over neighbours.
  void drain(const PuntHandler& handle);
  // Hands the frames to be held to `handle`.
  using HoldHandler =
      std::function<void(uint32_t slot, PdrId, PortIndex, std::span<const uint8_t>)>;
  void drain_held(const HoldHandler& handle);
  // Hands the exceptions to `handle`, no more at once than leave time for other work.
  void drain_exceptions(const std::function<void(const ExceptionFrame&)>& handle);
  // Hands the slots that workers told to `handle`.
  void drain_told(const std::function<void(uint32_t slot)>& handle);
  // Frames that send() handed over, and those that it had no room for.
  uint64_t sent() const { return sent_; }
  uint64_t send_failures() const { return send_failures_; }

 private:
  using Ring = std::unique_ptr<rte_ring, RingDeleter>;
  static void drain(rte_ring* ring, Punt why, const PuntHandler& handle);
  ControlLink(rte_mempool* pool, size_t sessions, Ring to_learn, Ring to_resolve, Ring held,
              Ring exceptions, Ring told, Ring to_workers);

  rte_mempool* pool_;
  Ring to_learn_;
  Ring to_resolve_;
  Ring held_;
  std::unique_ptr<std::atomic<uint16_t>[]> held_of_;  // by slot: packets in `held_`
  Ring exceptions_;
  Ring told_;  // slots plus 1, in place of pointers
  Ring to_workers_;
  uint64_t sent_ = 0;
  uint64_t send_failures_ = 0;
};

}  // namespace sluice::upf
