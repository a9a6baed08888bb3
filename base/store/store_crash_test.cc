// A process that writes without pause is killed: what it acknowledged is there, changes are there
// whole or not at all, and no later one without an earlier one.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "base/store/test_notes.h"

namespace sluice::store {
namespace {

constexpr int kWriters = 4;
constexpr int kAcknowledgedBeforeKill = 200;

std::string key(int writer, int n) { return fmt::format("{}/{:06}", writer, n); }

// Each writer writes its numbers in order, a note and a number in one change, and tells the pipe
// of each that is acknowledged: writer, then n.
[[noreturn]] void write_until_killed(const std::string& path, int pipe_end) {
  const SystemClock clock;
  Notes c;
  const auto store = open_notes(path, clock, c);
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      for (int n = 0;; ++n) {
        const auto done = store->change([&](Transaction& t) -> Result<void> {
          t.put(c.notes, key(writer, n), Note{std::string(500, 'x')});
          t.put(c.numbers, key(writer, n), n);
          return {};
        });
        const int report[2] = {writer, n};
        if (!done || write(pipe_end, report, sizeof(report)) != sizeof(report)) _exit(1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  _exit(1);
}

TEST(StoreCrash, what_was_acknowledged_is_there_after_kill_9) {
  const TestDirectory directory;
  std::vector<int> acknowledged(kWriters, -1);
  for (int round = 0; round < 3; ++round) {
    const auto path = directory.file(std::to_string(round).c_str());
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_until_killed(path, ends[1]);
    close(ends[1]);
    std::fill(acknowledged.begin(), acknowledged.end(), -1);
    int report[2];
    for (int i = 0; read(ends[0], report, sizeof(report)) == sizeof(report); ++i) {
      acknowledged[static_cast<size_t>(report[0])] = report[1];
      if (i == kAcknowledgedBeforeKill * (round + 1)) kill(child, SIGKILL);
    }
    close(ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));

    const SystemClock clock;
    Notes c;
    const auto store = open_notes(path, clock, c);
    const auto now = store->snapshot();
    EXPECT_EQ(now.of(c.notes).size(), now.of(c.numbers).size());
    for (int writer = 0; writer < kWriters; ++writer) {
      int n = 0;
      while (now.of(c.numbers).contains(key(writer, n))) {
        EXPECT_TRUE(now.of(c.notes).contains(key(writer, n)));
        ++n;
      }
      EXPECT_GT(n, acknowledged[static_cast<size_t>(writer)]);
      EXPECT_FALSE(now.of(c.numbers).contains(key(writer, n + 1)));
    }
  }
}

}  // namespace
}  // namespace sluice::store
