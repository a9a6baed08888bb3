// How long one change takes to reach everybody who subscribed: a store, the delivery of notify/ and
// a sink that is a process of its own (notification_sink).
//
//   notification_fanout --sink PORT [--subscribers 10000] [--silent 100] [--nameless 0] [--events
//   3]
//
// Prints one JSON line an event: seconds from before the change to its acknowledgement, and to the
// last notification of those that answer.
#include <fmt/format.h>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/command_line.h"
#include "base/log.h"
#include "notify/notifications.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using notify::Notifications;
using notify::Subscription;

int run(uint16_t sink, size_t subscribers, size_t silent, size_t nameless, size_t events) {
  std::string directory = std::filesystem::temp_directory_path() / "fanout-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) return 1;
  const SystemClock clock;
  store::Schema schema;
  const auto records = notify::Records::add_to(schema);
  auto store = std::move(*store::Store::open(directory + "/f.db", std::move(schema), clock));
  notify::NotificationOptions options;
  options.callbacks.allow = {*IpPrefix::parse("127.0.0.0/8")};
  auto notifications = std::move(*Notifications::start(*store, records, clock, options));

  std::vector<std::string> to;
  const size_t spacing = subscribers / std::max<size_t>(silent, 1);
  const auto subscribe = [&](store::Transaction& change) -> Result<void> {
    for (size_t i = 0; i < subscribers; ++i) {
      Subscription s;
      s.id = notify::new_subscription_id();
      s.api = "bench";
      s.owner = fmt::format("app{}", i);
      s.href = "/bench/v1/subscriptions/" + s.id;
      const bool dead = i % spacing == 0 && i / spacing < silent;
      s.callback = fmt::format("http://127.0.0.1:{}/{}/{}", sink, dead ? "silent" : "n", i);
      if (i >= subscribers - nameless) s.callback = fmt::format("http://n{}.invalid/", i);
      to.push_back(s.id);
      change.put(records.subscriptions, notify::subscription_key(s.api, s.owner, s.id), s);
    }
    return {};
  };
  if (auto ok = store->change(subscribe); !ok) {
    fmt::print(stderr, "{}\n", ok.error().to_string());
    return 1;
  }
  const auto answering = subscribers - silent - nameless;
  for (size_t n = 1; n <= events; ++n) {
    std::this_thread::sleep_for(1s);
    const auto start = std::chrono::steady_clock::now();
    const auto seconds = [&] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    const auto done = store->change([&](store::Transaction& change) -> Result<void> {
      notifications->outbox().enqueue(change, {{"notificationType", "BenchNotification"}, {"n", n}},
                                      to);
      return {};
    });
    if (!done) return 1;
    const auto acknowledged = seconds();
    while (notifications->statistics().totals().delivered < n * answering && seconds() < 60) {
      std::this_thread::sleep_for(1ms);
    }
    fmt::print(R"({{"event":{},"acknowledged_s":{:.4f},"delivered_s":{:.3f},"delivered":{}}})"
               "\n",
               n, acknowledged, seconds(), notifications->statistics().totals().delivered);
  }
  notifications.reset();
  store.reset();
  std::filesystem::remove_all(directory);
  return 0;
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  sluice::CommandLine line("notification_fanout",
                           "Time from one change to the last of its notifications.");
  uint16_t sink = 0;
  size_t subscribers = 10'000;
  size_t silent = 100;
  size_t nameless = 0;
  size_t events = 3;
  line.option("--sink", &sink, "Port of notification_sink on loopback").required();
  line.option("--subscribers", &subscribers);
  line.option("--silent", &silent, "How many of them never answer");
  line.option("--nameless", &nameless, "How many more of them have names that nobody resolves");
  line.option("--events", &events);
  if (const auto code = line.parse(argc, argv)) return *code;
  return sluice::run(sink, subscribers, silent, nameless, events);
}
