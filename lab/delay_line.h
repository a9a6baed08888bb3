// A bounded queue that gives back frames a fixed time after they were put in, in order.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/bytes.h"

namespace sluice::lab {

// Memory for all frames is reserved at once, but touched only where frames have been.
class DelayLine {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr size_t kMaxFrame = 2048;  // octets

  DelayLine(std::chrono::nanoseconds delay, size_t capacity);

  // Copies the frame in. False, and nothing done, when the line is full or the frame too long.
  bool push(Bytes frame, TimePoint now);

  // When the oldest frame is due; nothing when the line is empty.
  std::optional<TimePoint> next_due() const;

  // Points `out` at frames that are due, oldest first, and returns how many. They stay in the line,
  // and valid, until pop().
  size_t due(std::span<Bytes> out, TimePoint now) const;
  void pop(size_t count);

  size_t size() const { return size_; }

 private:
  struct Slot {
    TimePoint due;
    size_t size;
    uint8_t octets[kMaxFrame];
  };
  const Slot& at(size_t index) const { return slots_[(head_ + index) % capacity_]; }

  std::chrono::nanoseconds delay_;
  size_t capacity_;
  std::unique_ptr<Slot[]> slots_;
  size_t head_ = 0;
  size_t size_ = 0;
};

}  // namespace sluice::lab
