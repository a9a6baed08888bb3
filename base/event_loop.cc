#include "base/event_loop.h"

#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <stdexcept>

#include "base/error.h"

namespace sluice {
namespace {

int checked(int result, const char* what) {
  if (result < 0) throw std::runtime_error(errno_error(what).to_string());
  return result;
}

}  // namespace

EventLoop::EventLoop()
    : epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wake_(checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {
  watch(wake_.get(), EPOLLIN, [this](uint32_t) {
    uint64_t count = 0;
    [[maybe_unused]] const auto n = read(wake_.get(), &count, sizeof count);
    run_posted();
  });
}

void EventLoop::watch(int fd, uint32_t events, FdCallback callback) {
  epoll_event event{.events = events, .data = {.fd = fd}};
  const int operation = watches_.contains(fd) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  checked(epoll_ctl(epoll_.get(), operation, fd, &event), "epoll_ctl");
  watches_[fd] = std::make_shared<FdCallback>(std::move(callback));
}

void EventLoop::unwatch(int fd) {
  if (watches_.erase(fd) != 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

TimerId EventLoop::after(Clock::duration delay, Callback callback) {
  return add_timer(Clock::now() + delay, Clock::duration::zero(), std::move(callback));
}

TimerId EventLoop::every(Clock::duration period, Callback callback) {
  return add_timer(Clock::now() + period, period, std::move(callback));
}

TimerId EventLoop::add_timer(Clock::time_point at, Clock::duration period, Callback callback) {
  const TimerId id(++last_timer_);
  timers_.emplace(at, Timer{id, period, std::move(callback)});
  return id;
}

void EventLoop::cancel(TimerId timer) {
  std::erase_if(timers_, [timer](const auto& entry) { return entry.second.id == timer; });
}

void EventLoop::post(Callback work) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
  }
  const uint64_t one = 1;
  [[maybe_unused]] const auto n = write(wake_.get(), &one, sizeof one);
}

void EventLoop::stop() {
  post([this] {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  });
}

void EventLoop::stop_on_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_.reset(checked(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd"));
  watch(signals_.get(), EPOLLIN, [this](uint32_t) {
    signalfd_siginfo info;
    [[maybe_unused]] const auto n = read(signals_.get(), &info, sizeof info);
    stop();
  });
}

void EventLoop::run() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
    }
    run_once(std::chrono::hours(1));
  }
}

void EventLoop::run_once(Clock::duration longest) {
  std::array<epoll_event, 64> events;
  const int ready = epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms(longest));
  for (int i = 0; i < ready; ++i) {
    const auto& event = events[static_cast<size_t>(i)];
    const auto found = watches_.find(event.data.fd);
    if (found == watches_.end()) continue;  // unwatched by an earlier callback of this round
    const auto callback = found->second;    // survives being replaced by itself
    (*callback)(event.events);
  }
  fire_timers();
}

int EventLoop::timeout_ms(Clock::duration longest) const {
  using std::chrono::milliseconds;
  auto wait = longest;
  if (!timers_.empty()) wait = std::min(wait, timers_.begin()->first - Clock::now());
  // Rounded up: waking just before a timer is due would spin.
  const auto ms = std::chrono::ceil<milliseconds>(wait).count();
  return static_cast<int>(std::clamp<int64_t>(ms, 0, 3'600'000));
}

void EventLoop::fire_timers() {
  const auto now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    auto node = timers_.extract(timers_.begin());
    const auto callback = node.mapped().callback;
    if (node.mapped().period > Clock::duration::zero()) {
      // Re-armed before the call, so that the callback may cancel it.
      node.key() = now + node.mapped().period;
      timers_.insert(std::move(node));
    }
    callback();
  }
}

void EventLoop::run_posted() {
  std::vector<Callback> work;
  {
    const std::lock_guard lock(mutex_);
    work.swap(posted_);
  }
  for (const auto& callback : work) callback();
}

}  // namespace sluice
