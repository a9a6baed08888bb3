#include "lab/delay_line.h"

#include <algorithm>

namespace sluice::lab {

DelayLine::DelayLine(std::chrono::nanoseconds delay, size_t capacity)
    : delay_(delay),
      capacity_(capacity),
      slots_(std::make_unique_for_overwrite<Slot[]>(capacity)) {}

bool DelayLine::push(Bytes frame, TimePoint now) {
  if (size_ == capacity_ || frame.size() > kMaxFrame) return false;
  auto& slot = slots_[(head_ + size_) % capacity_];
  slot.due = now + delay_;
  slot.size = frame.size();
  std::ranges::copy(frame, slot.octets);
  ++size_;
  return true;
}

std::optional<DelayLine::TimePoint> DelayLine::next_due() const {
  if (size_ == 0) return std::nullopt;
  return at(0).due;
}

size_t DelayLine::due(std::span<Bytes> out, TimePoint now) const {
  size_t count = 0;
  while (count < out.size() && count < size_ && at(count).due <= now) {
    const auto& slot = at(count);
    out[count++] = Bytes(slot.octets, slot.size);
  }
  return count;
}

void DelayLine::pop(size_t count) {
  head_ = (head_ + count) % capacity_;
  size_ -= count;
}

}  // namespace sluice::lab
