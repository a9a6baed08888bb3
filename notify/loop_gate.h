// The way from other threads onto an event loop that may end before they do.
#pragma once

#include <memory>
#include <mutex>

#include "base/event_loop.h"

namespace sluice::notify {

// Shared by those threads; the loop's owner closes it before the loop goes.
class LoopGate {
 public:
  explicit LoopGate(EventLoop& loop) : loop_(&loop) {}

  void post(EventLoop::Callback work) {
    const std::lock_guard lock(mutex_);
    if (loop_ != nullptr) loop_->post(std::move(work));
  }
  // Runs `work` here and now, unless the gate is closed; it is not while this runs.
  template <typename Work>
  void while_open(Work work) {
    const std::lock_guard lock(mutex_);
    if (loop_ != nullptr) work(*loop_);
  }
  void close() {
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
  }

 private:
  std::mutex mutex_;
  EventLoop* loop_;
};

}  // namespace sluice::notify
