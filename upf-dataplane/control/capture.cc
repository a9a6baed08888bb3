#include "upf-dataplane/control/capture.h"

#include <algorithm>
#include <utility>

#include "upf-dataplane/control/pcapng.h"

namespace sluice::upf {

Capture::Capture(CaptureTap& tap, std::vector<std::string> port_names, const Clock& clock,
                 std::function<uint64_t()> ticks, uint64_t ticks_per_second)
    : tap_(tap),
      port_names_(std::move(port_names)),
      clock_(clock),
      ticks_(std::move(ticks)),
      ticks_per_second_(ticks_per_second) {}

Result<void> Capture::begin(const FrameFilter& filter, const CaptureLimits& limits,
                            CaptureSink& sink) {
  if (sink_ != nullptr) return fail(ErrorCode::kConflict, "a capture is running already");
  tap_.drain([](const CapturedFrame&) {});  // left over from the last one
  if (auto begun = tap_.begin(filter); !begun) return begun;
  sink_ = &sink;
  limits_ = limits;
  ends_ = clock_.now() + std::chrono::seconds(limits.seconds);
  began_ticks_ = ticks_();
  began_wall_ = clock_.wall().time_since_epoch();
  packets_ = bytes_ = lost_ = 0;
  is_begun_ = false;
  return {};
}

// A core's ticks may be a little behind ours.
std::chrono::nanoseconds Capture::wall(uint64_t ticks) const {
  const auto passed = static_cast<double>(static_cast<int64_t>(ticks - began_ticks_));
  return began_wall_ + std::chrono::nanoseconds(static_cast<int64_t>(
                           passed * 1e9 / static_cast<double>(ticks_per_second_)));
}

bool Capture::put(const std::string& block) {
  if (!sink_->write(block)) return false;
  bytes_ += block.size();
  return true;
}

void Capture::write(const CapturedFrame& frame) {
  if (sink_ == nullptr || packets_ >= limits_.packets || bytes_ >= limits_.bytes) return;
  const size_t kept = std::min<size_t>(frame.kept, limits_.snap_length);
  const bool written = put(pcapng_packet({.interface = frame.port,
                                          .time = wall(frame.ticks),
                                          .received = frame.received,
                                          .length = frame.length,
                                          .bytes = {frame.bytes.data(), kept}}));
  ++(written ? packets_ : lost_);
}

void Capture::poll() {
  if (sink_ == nullptr) return;
  if (!std::exchange(is_begun_, true)) {
    put(pcapng_section("sluice-upf"));
    for (const auto& name : port_names_) put(pcapng_interface(name, limits_.snap_length));
  }
  tap_.drain([this](const CapturedFrame& frame) { write(frame); });
  if (packets_ >= limits_.packets || bytes_ >= limits_.bytes || clock_.now() >= ends_) complete();
}

void Capture::complete() {
  tap_.end();
  // The statistics of all ports together stand with the first.
  put(pcapng_statistics(0, clock_.wall().time_since_epoch(), packets_, lost_ + tap_.lost()));
  std::exchange(sink_, nullptr)->finish();
}

void Capture::stop() {
  if (sink_ == nullptr) return;
  tap_.end();
  sink_ = nullptr;
}

}  // namespace sluice::upf
