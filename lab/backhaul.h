// A simulated long line: frames between two interfaces, each way delayed by the same time. Stands
// in for the distance to the centre on kernels without netem; it models delay and a finite queue,
// and neither rate, loss nor jitter.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/event_loop.h"
#include "lab/delay_line.h"
#include "lab/packet_port.h"

namespace sluice::lab {

// Belongs to its loop's thread; the loop must outlive it.
class Backhaul {
 public:
  struct Direction {
    uint64_t forwarded = 0;
    uint64_t dropped_full = 0;  // the line held as many frames as it may, or the frame was too long
    uint64_t dropped_send = 0;  // the far interface took no more
  };

  // `delay` is one way; `capacity` counts frames per direction.
  static Result<std::unique_ptr<Backhaul>> open(EventLoop& loop, const std::string& a,
                                                const std::string& b,
                                                std::chrono::milliseconds delay, size_t capacity);
  Backhaul(const Backhaul&) = delete;
  Backhaul& operator=(const Backhaul&) = delete;
  ~Backhaul();

  const Direction& a_to_b() const { return a_to_b_.counters; }
  const Direction& b_to_a() const { return b_to_a_.counters; }

 private:
  struct Half {
    PacketPort* from = nullptr;
    PacketPort* to = nullptr;
    DelayLine line;
    std::optional<TimerId> timer;  // armed for the oldest frame
    Direction counters;
  };

  Backhaul(EventLoop& loop, PacketPort a, PacketPort b, std::chrono::milliseconds delay,
           size_t capacity);
  void receive(Half& half);
  void release(Half& half);
  void arm(Half& half);

  EventLoop& loop_;
  PacketPort a_;
  PacketPort b_;
  Half a_to_b_;
  Half b_to_a_;
  std::array<std::array<uint8_t, DelayLine::kMaxFrame>, PacketPort::kBatch> received_;
};

}  // namespace sluice::lab
