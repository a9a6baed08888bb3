#include "upf-dataplane/qos/port_shaper.h"

#include <algorithm>

namespace sluice::upf {
namespace {

constexpr uint64_t kDepthMs = 1;
constexpr uint64_t kShareUs = 100;
constexpr uint64_t kLargestShare = 16 << 10;
// What waits leaves within so long, if it is of the usual size.
constexpr uint64_t kLongestWaitMs = 50;
constexpr uint64_t kUsualBytes = 800;
constexpr uint64_t kLeastWaiting = 256;
constexpr uint64_t kMostWaiting = 4096;

}  // namespace

PortCapacity::PortCapacity(uint64_t kbps, uint64_t ticks_per_second)
    : share_bytes(static_cast<uint32_t>(std::min(kbps * kShareUs / 8000, kLargestShare))),
      most_waiting(static_cast<uint32_t>(
          std::clamp(kbps * kLongestWaitMs / 8 / kUsualBytes, kLeastWaiting, kMostWaiting))) {
  meter.set_rate(kbps, ticks_per_second, kDepthMs);
}

PortShaper::PortShaper(PortCapacity& capacity)
    : capacity_(capacity), places_(capacity.most_waiting) {
  for (size_t i = 0; i + 1 < places_.size(); ++i) places_[i].next = static_cast<uint16_t>(i + 1);
}

bool PortShaper::may_send(uint32_t bytes, uint64_t now) {
  if (share_ < bytes) {
    // What is owed is taken as well, so that guaranteed frames cost the others.
    const int64_t lacking = int64_t{bytes} - share_;
    const auto taken = static_cast<uint32_t>(std::max<int64_t>(capacity_.share_bytes, lacking));
    if (!capacity_.meter.take(taken, now, true)) return false;
    share_ += taken;
  }
  share_ -= bytes;
  return true;
}

bool PortShaper::pass(uint32_t bytes, bool guaranteed, uint64_t now) {
  if (!guaranteed) return waiting_ == 0 && may_send(bytes, now);
  share_ -= bytes;
  if (const int64_t owed = -share_; owed > 0 && owed >= capacity_.share_bytes) {
    capacity_.meter.charge(static_cast<uint32_t>(owed), now);
    share_ = 0;
  }
  return true;
}

bool PortShaper::wait(void* frame, uint32_t bytes, uint32_t flow) {
  const auto id = static_cast<uint16_t>((flow * 0x9e3779b1U) >> 24);
  static_assert(kQueues == 256);
  Queue& queue = queues_[id];
  const size_t room = places_.size() - waiting_;
  if (queue.length >= room) return false;
  const uint16_t place = free_;
  free_ = places_[place].next;
  places_[place] = {frame, bytes, kNone};
  ++waiting_;
  ++queue.length;
  if (queue.length > 1) {
    places_[queue.last].next = place;
    queue.last = place;
    return true;
  }
  queue.first = queue.last = place;
  queue.deficit = 0;
  queue.next = kNone;
  (turn_ == kNone ? turn_ : queues_[last_turn_].next) = id;
  last_turn_ = id;
  return true;
}

size_t PortShaper::take(std::span<void*> out, uint64_t now) {
  size_t count = 0;
  while (count < out.size() && turn_ != kNone) {
    Queue& queue = queues_[turn_];
    const uint32_t bytes = places_[queue.first].bytes;
    if (queue.deficit < static_cast<int32_t>(bytes)) {
      queue.deficit += kQuantum;
      rotate();
      continue;
    }
    if (!may_send(bytes, now)) break;
    queue.deficit -= static_cast<int32_t>(bytes);
    out[count++] = pop(queue);
  }
  return count;
}

size_t PortShaper::give_up(std::span<void*> out) {
  size_t count = 0;
  while (count < out.size() && turn_ != kNone) out[count++] = pop(queues_[turn_]);
  return count;
}

void* PortShaper::pop(Queue& queue) {
  const uint16_t place = queue.first;
  queue.first = places_[place].next;
  places_[place].next = free_;
  free_ = place;
  --waiting_;
  if (--queue.length == 0) {
    turn_ = queue.next;
    if (turn_ == kNone) last_turn_ = kNone;
  }
  return places_[place].frame;
}

// The next queue's turn.
void PortShaper::rotate() {
  if (turn_ == last_turn_) return;
  const uint16_t id = turn_;
  turn_ = queues_[id].next;
  queues_[id].next = kNone;
  queues_[last_turn_].next = id;
  last_turn_ = id;
}

}  // namespace sluice::upf
