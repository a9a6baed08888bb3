// Sends by a port no more than it carries, and shares what guaranteed traffic leaves of it fairly.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "upf-dataplane/session/meter.h"

namespace sluice::upf {

// What a port with a configured capacity may still send. All workers take from it, each some
// packets' worth at once, so that it is seldom written.
struct alignas(64) PortCapacity {
  // `kbps`: of frames without preamble, check sequence and gap.
  PortCapacity(uint64_t kbps, uint64_t ticks_per_second);

  Meter meter;
  uint32_t share_bytes;   // that a worker takes at once
  uint32_t most_waiting;  // packets, for each worker
};

// The frames of one worker that wait for one port. Guaranteed frames never wait: what they take is
// owed by the others. These have a queue for each of 256 groups of sessions, served in turns by
// bytes (deficit round robin). A queue may be as long as there are free places, so that one flood
// cannot fill them all. Frames are only carried around: any pointer will do.
class PortShaper {
 public:
  static constexpr size_t kQueues = 256;

  explicit PortShaper(PortCapacity& capacity);

  // Whether a frame may leave at once; it is charged. `guaranteed`: always.
  bool pass(uint32_t bytes, bool guaranteed, uint64_t now);
  // Lets a frame wait that did not pass. False when there is no place. `flow`: whose it is.
  bool wait(void* frame, uint32_t bytes, uint32_t flow);
  // The frames that may leave by `now`, at most out.size(); they are charged. Call it until it
  // returns less.
  size_t take(std::span<void*> out, uint64_t now);

  // Hands back frames that wait, whatever the capacity.
  size_t give_up(std::span<void*> out);

  size_t waiting() const { return waiting_; }

 private:
  static constexpr uint16_t kNone = 0xffff;
  static constexpr int32_t kQuantum = 1600;  // bytes for a queue in its turn
  struct Place {
    void* frame = nullptr;
    uint32_t bytes = 0;
    uint16_t next = kNone;
  };
  struct Queue {
    uint16_t first = kNone;
    uint16_t last = kNone;
    uint16_t length = 0;
    uint16_t next = kNone;  // in the circle of queues that are not empty
    int32_t deficit = 0;
  };

  bool may_send(uint32_t bytes, uint64_t now);
  void* pop(Queue& queue);
  void rotate();

  PortCapacity& capacity_;
  int64_t share_ = 0;  // bytes that were taken and not yet sent; below 0: sent and not yet charged
  std::vector<Place> places_;
  std::array<Queue, kQueues> queues_;
  uint16_t free_ = 0;           // first free place
  uint16_t turn_ = kNone;       // the queue whose turn it is
  uint16_t last_turn_ = kNone;  // the one whose turn comes last
  size_t waiting_ = 0;
};

}  // namespace sluice::upf
