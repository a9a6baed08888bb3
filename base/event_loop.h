// A single-threaded event loop: descriptors (epoll), timers, and work posted by other threads.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/strong_id.h"
#include "base/unique_fd.h"

namespace sluice {

using TimerId = StrongId<struct TimerIdTag, uint64_t>;

// All members but post() and stop() belong to the thread that calls run(). Callbacks may add and
// remove watches and timers, their own included.
class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;
  using FdCallback = std::function<void(uint32_t epoll_events)>;
  using Callback = std::function<void()>;

  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop() = default;

  // Calls back (level-triggered) while `fd` has any of `events` (EPOLLIN, EPOLLOUT). Watching an fd
  // again replaces its events and callback. The fd stays the caller's and must be unwatched before
  // it is closed.
  void watch(int fd, uint32_t events, FdCallback callback);
  void unwatch(int fd);

  // One-shot and periodic timers; cancelling an unknown or fired timer does nothing.
  TimerId after(Clock::duration delay, Callback callback);
  TimerId every(Clock::duration period, Callback callback);
  void cancel(TimerId timer);

  // Runs `work` on the loop's thread; from any thread.
  void post(Callback work);

  // Serves until stop(); SIGINT and SIGTERM stop it too after stop_on_signals().
  void run();
  // Serves what is ready, waiting at most `longest` for the first event.
  void run_once(Clock::duration longest);
  void stop();  // from any thread

  // Blocks SIGINT and SIGTERM for this thread (call before starting others, they inherit it) and
  // turns them into stop().
  void stop_on_signals();

 private:
  struct Timer {
    TimerId id;
    Clock::duration period;  // zero: one-shot
    Callback callback;
  };

  TimerId add_timer(Clock::time_point at, Clock::duration period, Callback callback);
  void fire_timers();
  void run_posted();
  int timeout_ms(Clock::duration longest) const;

  UniqueFd epoll_;
  UniqueFd wake_;
  UniqueFd signals_;
  std::unordered_map<int, std::shared_ptr<FdCallback>> watches_;
  std::multimap<Clock::time_point, Timer> timers_;
  uint64_t last_timer_ = 0;
  std::mutex mutex_;  // guards posted_ and stopped_
  std::vector<Callback> posted_;
  bool stopped_ = false;
};

}  // namespace sluice
