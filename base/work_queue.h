// Work for threads of its own: what takes long or waits for a disk or another host.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace sluice {

class WorkQueue {
 public:
  using Work = std::function<void()>;

  explicit WorkQueue(size_t threads) {
    for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
  }
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;
  ~WorkQueue() { stop(); }

  // From any thread, in the order of the calls; after stop() it is dropped.
  void post(Work work) {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    waiting_.push_back(std::move(work));
    changed_.notify_one();
  }

  // As post(), but not before `delay` has passed.
  void post_after(std::chrono::milliseconds delay, Work work) {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    later_.emplace(Clock::now() + delay, std::move(work));
    changed_.notify_one();
  }

  // Drops what has not begun and waits for what has.
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      waiting_.clear();
      later_.clear();
      changed_.notify_all();
    }
    threads_.clear();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void take_what_is_due() {
    for (const auto now = Clock::now(); !later_.empty() && later_.begin()->first <= now;) {
      waiting_.push_back(std::move(later_.begin()->second));
      later_.erase(later_.begin());
    }
  }
  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      take_what_is_due();
      if (stopped_) return;
      if (waiting_.empty()) {
        if (later_.empty()) {
          changed_.wait(lock);
        } else {
          changed_.wait_until(lock, Clock::time_point(later_.begin()->first));
        }
        continue;
      }
      const auto work = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      work();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> waiting_;
  std::multimap<Clock::time_point, Work> later_;  // by when it may begin
  bool stopped_ = false;
  std::vector<std::jthread> threads_;  // last: they use the others
};

}  // namespace sluice
