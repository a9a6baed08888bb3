// What ends connections by and by: phases that last too long, replies that are not read.
#include <algorithm>
#include <functional>

#include "base/http/pistache_worker.h"

namespace sluice::http {
namespace {

using Clock = std::chrono::steady_clock;

// Connections that owe replies for less are not to blame when memory for them is short.
constexpr std::chrono::seconds kOwingGrace{1};

Phase phase_of(ServerConnection::Stage stage) {
  switch (stage) {
    case ServerConnection::Stage::kIdle:
      return Phase::kIdle;
    case ServerConnection::Stage::kHeader:
      return Phase::kHeader;
    case ServerConnection::Stage::kBody:
      return Phase::kBody;
    case ServerConnection::Stage::kAwaiting:
      return Phase::kAwaiting;
    case ServerConnection::Stage::kBusy:
      return Phase::kBusy;
  }
  return Phase::kIdle;
}

}  // namespace

void Worker::note_phase(Connection& c, bool progress) {
  Phase now = Phase::kIdle;
  if (c.lingering) {
    now = Phase::kLingering;
  } else if (c.has_output()) {
    now = Phase::kWriting;
  } else {
    now = phase_of(c.http->stage());
  }
  if (now == c.phase && !progress && c.http->served() == c.served_at_phase &&
      c.http->streamed() == c.streamed_at_phase) {
    return;
  }
  c.phase = now;
  c.phase_since = Clock::now();
  c.served_at_phase = c.http->served();
  c.streamed_at_phase = c.http->streamed();
}

std::chrono::milliseconds Worker::timeout_of(Phase phase) const {
  const auto& limits = shared_->limits;
  switch (phase) {
    case Phase::kIdle:
      return limits.idle_timeout;
    case Phase::kHeader:
      return limits.header_timeout;
    case Phase::kBody:
      return limits.body_timeout;
    case Phase::kAwaiting:
      return limits.reply_timeout;
    case Phase::kBusy:  // its streams have timeouts of their own
      return std::chrono::hours(24 * 365);
    case Phase::kWriting:
      return limits.write_timeout;
    case Phase::kLingering:
      return limits.linger_timeout;
  }
  return limits.idle_timeout;
}

void Worker::check_timeouts() {
  uint64_t expirations = 0;
  [[maybe_unused]] const auto n = ::read(timer_.get(), &expirations, sizeof expirations);
  if (!std::exchange(started_, true)) shared_->started.count_down();
  const auto now = Clock::now();
  std::vector<int> all;
  for (const auto& [fd, c] : connections_) all.push_back(fd);
  for (const int fd : all) {
    guarded(fd, [&] { check_timeout(connections_.at(fd), now); });
  }
  if (shared_->replies.is_short()) close_worst(now);
}

// Those that have owed for a while, the one that owes most first, until the reserve is whole again.
void Worker::close_worst(Clock::time_point now) {
  std::vector<std::pair<size_t, int>> owing;
  for (const auto& [fd, c] : connections_) {
    if (c.owed() > 0 && now - c.owing_since >= kOwingGrace) owing.emplace_back(c.owed(), fd);
  }
  std::ranges::sort(owing, std::greater());
  for (const auto& [owed, fd] : owing) {
    if (!shared_->replies.is_short()) return;
    close(connections_.at(fd));
  }
}

void Worker::check_timeout(Connection& c, Clock::time_point now) {
  c.http->tick(now);
  if (c.owed() == 0) {
    c.owing_since = now;
    if (c.phase == Phase::kIdle) c.out.shrink_to_fit();
  }
  if (c.has_output() && shared_->limits.reads_too_slowly(c.taken, now - c.writing_since)) {
    close(c);
    return;
  }
  if (now - c.phase_since < timeout_of(c.phase)) {
    if (c.phase == Phase::kBusy) drive(c);
    return;
  }
  if (c.phase != Phase::kWriting && c.phase != Phase::kLingering) c.http->time_out(c.out);
  if (c.phase == Phase::kWriting || c.phase == Phase::kLingering || c.out.empty()) {
    close(c);
  } else {
    drive(c);
  }
}

}  // namespace sluice::http
