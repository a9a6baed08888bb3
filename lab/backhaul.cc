#include "lab/backhaul.h"

#include <array>

namespace sluice::lab {

Result<std::unique_ptr<Backhaul>> Backhaul::open(EventLoop& loop, const std::string& a,
                                                 const std::string& b,
                                                 std::chrono::milliseconds delay, size_t capacity) {
  auto port_a = PacketPort::open(a);
  if (!port_a) return std::unexpected(port_a.error());
  auto port_b = PacketPort::open(b);
  if (!port_b) return std::unexpected(port_b.error());
  return std::unique_ptr<Backhaul>(
      new Backhaul(loop, std::move(*port_a), std::move(*port_b), delay, capacity));
}

Backhaul::Backhaul(EventLoop& loop, PacketPort a, PacketPort b, std::chrono::milliseconds delay,
                   size_t capacity)
    : loop_(loop),
      a_(std::move(a)),
      b_(std::move(b)),
      a_to_b_{&a_, &b_, DelayLine(delay, capacity), {}, {}},
      b_to_a_{&b_, &a_, DelayLine(delay, capacity), {}, {}} {
  for (auto* half : {&a_to_b_, &b_to_a_}) {
    loop_.watch(half->from->fd(), EPOLLIN, [this, half](uint32_t) { receive(*half); });
  }
}

Backhaul::~Backhaul() {
  for (auto* half : {&a_to_b_, &b_to_a_}) {
    loop_.unwatch(half->from->fd());
    if (half->timer) loop_.cancel(*half->timer);
  }
}

void Backhaul::receive(Half& half) {
  std::array<std::span<uint8_t>, PacketPort::kBatch> buffers;
  for (size_t i = 0; i < buffers.size(); ++i) buffers[i] = received_[i];

  const size_t count = half.from->receive(buffers);
  const auto now = EventLoop::Clock::now();
  for (size_t i = 0; i < count; ++i) {
    if (!half.line.push(buffers[i], now)) ++half.counters.dropped_full;
  }
  arm(half);
}

void Backhaul::release(Half& half) {
  std::array<Bytes, PacketPort::kBatch> frames;
  const auto now = EventLoop::Clock::now();
  while (const size_t count = half.line.due(frames, now)) {
    const size_t sent = half.to->send(std::span(frames).first(count));
    half.counters.forwarded += sent;
    half.counters.dropped_send += count - sent;
    half.line.pop(count);
  }
  arm(half);
}

// One timer for the oldest frame; the loop's granularity of a millisecond gathers those behind it
// into one batch, which is what keeps the processor use low.
void Backhaul::arm(Half& half) {
  const auto due = half.line.next_due();
  if (!due || half.timer) return;
  half.timer = loop_.after(*due - EventLoop::Clock::now(), [this, &half] {
    half.timer.reset();
    release(half);
  });
}

}  // namespace sluice::lab
