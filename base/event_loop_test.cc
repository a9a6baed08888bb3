#include "base/event_loop.h"

#include <gtest/gtest.h>

#include <thread>

namespace sluice {
namespace {

using std::chrono::milliseconds;

TEST(EventLoop, fires_timers_in_order_and_lets_them_cancel_each_other) {
  EventLoop loop;
  std::vector<int> fired;
  TimerId cancelled;
  loop.after(milliseconds(2), [&] {
    fired.push_back(2);
    loop.stop();
  });
  loop.after(milliseconds(1), [&] {
    fired.push_back(1);
    loop.cancel(cancelled);
  });
  cancelled =
      loop.after(milliseconds(1) + std::chrono::microseconds(900), [&] { fired.push_back(9); });
  loop.run();
  EXPECT_EQ(fired, (std::vector{1, 2}));
}

TEST(EventLoop, a_periodic_timer_repeats_until_cancelled) {
  EventLoop loop;
  int count = 0;
  TimerId timer;
  timer = loop.every(milliseconds(1), [&] {
    if (++count == 3) {
      loop.cancel(timer);
      loop.stop();
    }
  });
  loop.run();
  EXPECT_EQ(count, 3);
}

TEST(EventLoop, runs_work_posted_by_another_thread) {
  EventLoop loop;
  std::thread::id ran_on;
  std::thread other([&] {
    loop.post([&] { ran_on = std::this_thread::get_id(); });
    loop.stop();
  });
  loop.run();
  other.join();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST(EventLoop, a_watch_may_remove_itself) {
  EventLoop loop;
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  UniqueFd read_end(pipe_fds[0]);
  UniqueFd write_end(pipe_fds[1]);
  ASSERT_EQ(write(write_end.get(), "x", 1), 1);
  int calls = 0;
  loop.watch(read_end.get(), EPOLLIN, [&](uint32_t) {
    ++calls;
    loop.unwatch(read_end.get());
    loop.stop();
  });
  loop.run();
  loop.run_once(milliseconds(0));
  EXPECT_EQ(calls, 1);  // the byte was never read: only unwatching ends the callbacks
}

}  // namespace
}  // namespace sluice
