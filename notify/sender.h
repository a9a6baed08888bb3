// Carries one notification to one receiver.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace sluice::notify {

enum class Outcome : uint8_t {
  kDelivered,
  kTryAgain,  // not now: unreachable, too slow, or it says so
  kRefused,   // the receiver is there and will never take this notification
  kGone,      // the receiver wants no notification ever again
  kAway,      // the client of a WebSocket is not connected; it will be announced when it is
};

struct Report {
  Outcome outcome = Outcome::kTryAgain;
  std::string error;  // for a person; empty when delivered
  std::optional<std::chrono::seconds> retry_after = std::nullopt;  // what the receiver asks for
};

// Belongs to one thread, that of its event loop.
class Sender {
 public:
  using Done = std::function<void(const Report&)>;

  virtual ~Sender() = default;

  // `done` is called once, later (never from within this call), unless cancelled before. `target`
  // is a callback URI, or the token of a WebSocket. `id` is the same whenever the same
  // notification is sent again.
  virtual uint64_t send(const std::string& target, std::string text, const std::string& id,
                        Done done) = 0;
  // What was sent is broken off; unknown numbers are ignored.
  virtual void cancel(uint64_t transfer) = 0;
};

}  // namespace sluice::notify
