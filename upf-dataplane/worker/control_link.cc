#include "upf-dataplane/worker/control_link.h"

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <array>
#include <cstring>

#include "upf-dataplane/worker/dpdk_error.h"

namespace sluice::upf {
namespace {

constexpr unsigned kLearnRing = 1024;
constexpr unsigned kResolveRing = 64;
constexpr unsigned kSendRing = 4096;
constexpr unsigned kToldRing = 4096;
constexpr unsigned kHeldRing = 1024;
constexpr unsigned kExceptionRing = 1024;
constexpr unsigned kExceptionsAtOnce = 256;

}  // namespace

void RingDeleter::operator()(rte_ring* ring) const { rte_ring_free(ring); }

ControlLink::ControlLink(rte_mempool* pool, size_t sessions, Ring to_learn, Ring to_resolve,
                         Ring held, Ring exceptions, Ring told, Ring to_workers)
    : pool_(pool),
      to_learn_(std::move(to_learn)),
      to_resolve_(std::move(to_resolve)),
      held_(std::move(held)),
      held_of_(std::make_unique<std::atomic<uint16_t>[]>(sessions)),
      exceptions_(std::move(exceptions)),
      told_(std::move(told)),
      to_workers_(std::move(to_workers)) {}

Result<std::unique_ptr<ControlLink>> ControlLink::make(rte_mempool* pool, size_t sessions) {
  // Several workers may punt; one thread drains. The control thread sends; any worker may take.
  Ring to_learn(rte_ring_create("to_learn", kLearnRing, SOCKET_ID_ANY, RING_F_SC_DEQ));
  Ring to_resolve(rte_ring_create("to_resolve", kResolveRing, SOCKET_ID_ANY, RING_F_SC_DEQ));
  Ring held(rte_ring_create("held", kHeldRing, SOCKET_ID_ANY, RING_F_SC_DEQ));
  Ring exceptions(rte_ring_create("exceptions", kExceptionRing, SOCKET_ID_ANY, RING_F_SC_DEQ));
  Ring told(rte_ring_create("told", kToldRing, SOCKET_ID_ANY, RING_F_SC_DEQ));
  Ring to_workers(rte_ring_create("to_workers", kSendRing, SOCKET_ID_ANY, RING_F_SP_ENQ));
  if (!to_learn || !to_resolve || !held || !exceptions || !told || !to_workers)
    return dpdk_fail("cannot make the control rings");
  return std::unique_ptr<ControlLink>(
      new ControlLink(pool, sessions, std::move(to_learn), std::move(to_resolve), std::move(held),
                      std::move(exceptions), std::move(told), std::move(to_workers)));
}

ControlLink::~ControlLink() {
  for (auto* ring :
       {to_learn_.get(), to_resolve_.get(), held_.get(), exceptions_.get(), to_workers_.get()}) {
    void* frame = nullptr;
    while (rte_ring_dequeue(ring, &frame) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(frame));
  }
}

bool ControlLink::punt(rte_mbuf* frame, Punt why, PortIndex port) {
  frame->port = port;
  rte_ring* ring = why == Punt::kLearn ? to_learn_.get() : to_resolve_.get();
  return rte_ring_enqueue(ring, frame) == 0;
}

bool ControlLink::hold(rte_mbuf* frame, uint32_t slot, uint16_t pdr, PortIndex port) {
  if (held_of_[slot].fetch_add(1, std::memory_order_relaxed) < kMostHeld) {
    frame->port = port;
    frame->hash.usr = slot;
    frame->vlan_tci = pdr;
    if (rte_ring_enqueue(held_.get(), frame) == 0) return true;
  }
  held_of_[slot].fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void ControlLink::drain_held(const HoldHandler& handle) {
  void* entry = nullptr;
  for (unsigned i = 0; i < kHeldRing && rte_ring_dequeue(held_.get(), &entry) == 0; ++i) {
    auto* frame = static_cast<rte_mbuf*>(entry);
    held_of_[frame->hash.usr].fetch_sub(1, std::memory_order_relaxed);
    handle(frame->hash.usr, PdrId(frame->vlan_tci), static_cast<PortIndex>(frame->port),
           {rte_pktmbuf_mtod(frame, const uint8_t*), frame->data_len});
    rte_pktmbuf_free(frame);
  }
}

bool ControlLink::except(rte_mbuf* frame, const Packet& packet) {
  frame->port = static_cast<uint16_t>(packet.in_port | packet.out_port << 8);
  frame->hash.usr = packet.slot;
  frame->vlan_tci = packet.pdr;
  frame->vlan_tci_outer = static_cast<uint16_t>(packet.exception);
  return rte_ring_enqueue(exceptions_.get(), frame) == 0;
}

void ControlLink::drain_exceptions(const std::function<void(const ExceptionFrame&)>& handle) {
  void* entry = nullptr;
  for (unsigned i = 0; i < kExceptionsAtOnce && rte_ring_dequeue(exceptions_.get(), &entry) == 0;
       ++i) {
    auto* frame = static_cast<rte_mbuf*>(entry);
    handle({.kind = static_cast<Exception>(frame->vlan_tci_outer),
            .in_port = static_cast<PortIndex>(frame->port),
            .out_port = static_cast<PortIndex>(frame->port >> 8),
            .inner_offset = frame->vlan_tci,
            .slot = frame->hash.usr,
            .bytes = {rte_pktmbuf_mtod(frame, const uint8_t*), frame->data_len}});
    rte_pktmbuf_free(frame);
  }
}

bool ControlLink::tell(uint32_t slot) {
  return rte_ring_enqueue(told_.get(), reinterpret_cast<void*>(uintptr_t{slot} + 1)) == 0;
}

void ControlLink::drain_told(const std::function<void(uint32_t slot)>& handle) {
  void* told = nullptr;
  for (unsigned i = 0; i < kToldRing && rte_ring_dequeue(told_.get(), &told) == 0; ++i) {
    handle(static_cast<uint32_t>(reinterpret_cast<uintptr_t>(told) - 1));
  }
}

size_t ControlLink::take_to_send(std::span<rte_mbuf*> frames) {
  return rte_ring_dequeue_burst(to_workers_.get(), reinterpret_cast<void**>(frames.data()),
                                static_cast<unsigned>(frames.size()), nullptr);
}

bool ControlLink::send(PortIndex port, const Frame& frame) {
  rte_mbuf* buffer = rte_pktmbuf_alloc(pool_);
  char* room =
      buffer == nullptr ? nullptr : rte_pktmbuf_append(buffer, static_cast<uint16_t>(frame.size()));
  if (room != nullptr) {
    std::memcpy(room, frame.data(), frame.size());
    buffer->port = port;
    if (rte_ring_enqueue(to_workers_.get(), buffer) == 0) {
      ++sent_;
      return true;
    }
  }
  rte_pktmbuf_free(buffer);
  ++send_failures_;
  return false;
}

void ControlLink::drain(const PuntHandler& handle) {
  drain(to_learn_.get(), Punt::kLearn, handle);
  drain(to_resolve_.get(), Punt::kResolve, handle);
}

void ControlLink::drain(rte_ring* ring, Punt why, const PuntHandler& handle) {
  std::array<rte_mbuf*, kLearnRing> frames;
  const unsigned count =
      rte_ring_dequeue_burst(ring, reinterpret_cast<void**>(frames.data()), frames.size(), nullptr);
  for (unsigned i = 0; i < count; ++i) {
    rte_mbuf* frame = frames[i];
    handle(why, static_cast<PortIndex>(frame->port),
           {rte_pktmbuf_mtod(frame, const uint8_t*), frame->data_len});
    rte_pktmbuf_free(frame);
  }
}

}  // namespace sluice::upf
