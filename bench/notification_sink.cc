// Receives notifications as fast as they come and says when they came. What benchmarks aim
// callbacks at.
//
//   POST /NAME...      204, counted for that path
//   POST /silent...    never answered
//   GET /stats         {"received", "paths", "first_ns", "last_ns", "silent"}: since the last
//   reset,
//                      times of the first and the last by the clock of the day
//   GET /reset         204
#include <unistd.h>

#include <fmt/format.h>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <unordered_set>

#include "base/command_line.h"
#include "notify/testing/callback_receiver.h"

namespace sluice {
namespace {

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class Sink {
 public:
  notify::ReceiverAnswer answer(const notify::ReceivedRequest& request) {
    if (request.target == "/stats") {
      return {200, "Content-Type: application/json\r\n",
              fmt::format(R"({{"received":{},"paths":{},"first_ns":{},"last_ns":{},"silent":{}}})",
                          received_, paths_.size(), first_, last_, silent_)};
    }
    if (request.target == "/reset") {
      *this = Sink();
      return {};
    }
    if (request.target.starts_with("/silent")) {
      ++silent_;
      return {.status = 0};
    }
    last_ = now_ns();
    if (++received_ == 1) first_ = last_;
    paths_.emplace(request.target);
    return {};
  }

 private:
  uint64_t received_ = 0;
  uint64_t silent_ = 0;
  int64_t first_ = 0;
  int64_t last_ = 0;
  std::unordered_set<std::string> paths_;
};

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  sluice::CommandLine line("notification_sink",
                           "Receives notifications on loopback until it is terminated.");
  uint16_t port = 0;
  line.option("--port", &port, "Port; 0: any free one, printed");
  if (const auto code = line.parse(argc, argv)) return *code;

  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  sigprocmask(SIG_BLOCK, &stop, nullptr);

  sluice::Sink sink;
  const sluice::notify::CallbackReceiver receiver(
      [&sink](const auto& request) { return sink.answer(request); }, port);
  fmt::print("{}\n", receiver.port());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&stop, &signal);
  return 0;
}
