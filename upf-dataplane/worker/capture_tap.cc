#include "upf-dataplane/worker/capture_tap.h"

#include <rte_mempool.h>
#include <rte_ring.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "upf-dataplane/worker/dpdk_error.h"

namespace sluice::upf {

CaptureTap::~CaptureTap() {
  rte_ring_free(ring_);
  rte_mempool_free(pool_);
}

Result<void> CaptureTap::begin(const FrameFilter& filter) {
  if (own_filter_) return fail(ErrorCode::kConflict, "a capture is running already");
  if (pool_ == nullptr) {
    pool_ = rte_mempool_create("capture", kFrames, sizeof(CapturedFrame), 0, 0, nullptr, nullptr,
                               nullptr, nullptr, SOCKET_ID_ANY, 0);
  }
  if (ring_ == nullptr) ring_ = rte_ring_create("capture", kRing, SOCKET_ID_ANY, RING_F_SC_DEQ);
  if (pool_ == nullptr || ring_ == nullptr) return dpdk_fail("no memory for a capture");
  lost_ = 0;
  own_filter_ = std::make_unique<const FrameFilter>(filter);
  filter_.store(own_filter_.get(), std::memory_order_release);
  return {};
}

void CaptureTap::end() {
  filter_.store(nullptr, std::memory_order_release);
  if (own_filter_) reclaimer_.retire([old = std::move(own_filter_)]() mutable { old.reset(); });
}

void CaptureTap::copy(const FrameFilter& filter, PortIndex port, bool received, uint64_t now,
                      std::span<const uint8_t> frame) {
  if (!filter.matches(port, received, frame)) return;
  void* room = nullptr;
  if (rte_mempool_get(pool_, &room) != 0) {
    lost_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  auto* copy = new (room) CapturedFrame;
  copy->ticks = now;
  copy->length = static_cast<uint32_t>(frame.size());
  copy->kept = static_cast<uint16_t>(std::min(frame.size(), CapturedFrame::kSnapLength));
  copy->port = port;
  copy->received = received;
  std::memcpy(copy->bytes.data(), frame.data(), copy->kept);
  if (rte_ring_enqueue(ring_, copy) == 0) return;
  rte_mempool_put(pool_, copy);
  lost_.fetch_add(1, std::memory_order_relaxed);
}

void CaptureTap::drain(const std::function<void(const CapturedFrame&)>& handle) {
  if (ring_ == nullptr) return;
  void* entry = nullptr;
  for (unsigned i = 0; i < kRing && rte_ring_dequeue(ring_, &entry) == 0; ++i) {
    handle(*static_cast<const CapturedFrame*>(entry));
    rte_mempool_put(pool_, entry);
  }
}

}  // namespace sluice::upf
