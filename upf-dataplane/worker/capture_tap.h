// Copies of frames for a capture, from the workers to the control thread, so that no worker ever
// waits: what finds no room is counted as lost.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/error.h"
#include "upf-dataplane/packet/frame_filter.h"
#include "upf-dataplane/session/reclaimer.h"

struct rte_mempool;
struct rte_ring;

namespace sluice::upf {

// A frame as it was captured.
struct CapturedFrame {
  static constexpr size_t kSnapLength = 2048;  // bytes of a frame that are kept, at most
  uint64_t ticks = 0;
  uint32_t length = 0;  // of the whole frame
  uint16_t kept = 0;
  PortIndex port = 0;
  bool received = true;
  std::array<uint8_t, kSnapLength> bytes;
};

class CaptureTap {
 public:
  // `reclaimer` must outlive this. No capture runs at first.
  explicit CaptureTap(Reclaimer& reclaimer) : reclaimer_(reclaimer) {}
  ~CaptureTap();
  CaptureTap(const CaptureTap&) = delete;
  CaptureTap& operator=(const CaptureTap&) = delete;

  // --- workers ---
  // What to capture; null, as a rule: nothing. Valid until the next quiescent state.
  const FrameFilter* filter() const { return filter_.load(std::memory_order_acquire); }
  // Copies a frame that `filter` matches, at most `snap` bytes of it.
  void copy(const FrameFilter& filter, PortIndex port, bool received, uint64_t now,
            std::span<const uint8_t> frame);

  // --- control thread ---
  // Makes room for copies the first time, and lets workers begin. One capture runs at a time.
  Result<void> begin(const FrameFilter& filter);
  // Lets workers end; frames on their way are still drained.
  void end();
  void drain(const std::function<void(const CapturedFrame&)>& handle);
  uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  static constexpr unsigned kFrames = 2047;  // of a mempool: a power of two less one
  static constexpr unsigned kRing = 2048;

  Reclaimer& reclaimer_;
  std::unique_ptr<const FrameFilter> own_filter_;
  std::atomic<const FrameFilter*> filter_{nullptr};
  std::atomic<uint64_t> lost_{0};
  rte_mempool* pool_ = nullptr;
  rte_ring* ring_ = nullptr;
};

}  // namespace sluice::upf
