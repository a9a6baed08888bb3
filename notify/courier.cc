#include "notify/courier.h"

#include "base/log.h"

namespace sluice::notify {
namespace {

// A slow transfer has at least this long before it may be broken off for another.
constexpr std::chrono::seconds kLeastInSlowPlace{1};

size_t bytes_of(const Event& event) {
  return event.envelope.size() + event.members.size() + event.links.size();
}

}  // namespace

Courier::Courier(const CourierOptions& options, const Clock& clock, Sender& http, Sender& websocket,
                 Statistics& statistics, CourierHooks hooks)
    : options_(options),
      clock_(clock),
      http_(http),
      websocket_(websocket),
      statistics_(statistics),
      hooks_(std::move(hooks)) {}

Courier::~Courier() {
  for (auto& [id, subscriber] : subscribers_) leave_phase(subscriber);
}

void Courier::put(std::shared_ptr<const Subscription> subscription) {
  auto [at, is_new] = subscribers_.try_emplace(subscription->id);
  auto& s = at->second;
  const auto before = std::exchange(s.record, std::move(subscription));
  if (is_new) {
    s.owner = &owners_[s.record->owner];
    s.owner->subscribers.insert(&s);
    statistics_.update(s.record->id, [](DeliveryCounts&) {});
    return;
  }
  if (before->callback == s.record->callback &&
      before->websocket_token == s.record->websocket_token) {
    return;
  }
  leave_phase(s);
  s.failures = 0;
  s.suspect = false;
  make_ready(s);
}

void Courier::remove(const std::string& id) {
  const auto found = subscribers_.find(id);
  if (found == subscribers_.end()) return;
  auto& s = found->second;
  leave_phase(s);
  for (const auto& item : s.queue) settle(item);
  leave_owner(s);
  subscribers_.erase(found);
  statistics_.forget(id);
}

void Courier::add(const EventRef& event) {
  for (size_t i = 0; i < event->event.to.size(); ++i) {
    if (event->settled[i]) continue;
    const auto found = subscribers_.find(event->event.to[i]);
    if (found == subscribers_.end()) {
      settle({event, i});
      continue;
    }
    auto& s = found->second;
    s.queue.push_back({event, i});
    s.queue_bytes += bytes_of(event->event);
    s.owner->queue_bytes += bytes_of(event->event);
    statistics_.update(s.record->id, [](DeliveryCounts& c) { ++c.queued; });
    drop_overflow(s);
    if (s.phase == Phase::kIdle) make_ready(s);
  }
}

void Courier::present(const std::string& id) {
  const auto found = subscribers_.find(id);
  if (found == subscribers_.end() || !found->second.record->over_websocket()) return;
  auto& s = found->second;
  if (s.phase != Phase::kAway && s.phase != Phase::kWaiting) return;
  leave_phase(s);
  make_ready(s);
}

void Courier::make_ready(Subscriber& s) {
  if (s.queue.empty()) {
    s.phase = Phase::kIdle;
    return;
  }
  s.phase = Phase::kReady;
  s.ready_list = s.suspect && !s.record->over_websocket() ? &ready_suspects_ : &ready_;
  s.ready = s.ready_list->insert(s.ready_list->end(), &s);
}

void Courier::wait(Subscriber& s, std::chrono::milliseconds delay) {
  s.phase = Phase::kWaiting;
  s.waiting = waiting_.emplace(clock_.now() + delay, &s);
}

void Courier::leave_phase(Subscriber& s) {
  switch (s.phase) {
    case Phase::kReady:
      s.ready_list->erase(s.ready);
      break;
    case Phase::kWaiting:
      waiting_.erase(s.waiting);
      break;
    case Phase::kInFlight:
      http_.cancel(s.flight->transfer);
      s.flights->erase(s.flight);
      break;
    case Phase::kOnWebSocket:
      websocket_.cancel(s.websocket_transfer);
      break;
    case Phase::kIdle:
    case Phase::kAway:
      break;
  }
  s.phase = Phase::kIdle;
}

void Courier::turn() {
  const auto now = clock_.now();
  wake_due(now);
  retire_slow(now);
  dispatch();
}

std::optional<std::chrono::steady_clock::time_point> Courier::wake_at() const {
  std::optional<Time> out;
  if (!waiting_.empty()) out = waiting_.begin()->first;
  if (!prompt_.empty()) {
    const auto retires = prompt_.front().since + options_.patience;
    out = out ? std::min(*out, retires) : retires;
  }
  return out;
}

void Courier::wake_due(Time now) {
  while (!waiting_.empty() && waiting_.begin()->first <= now) {
    auto& s = *waiting_.begin()->second;
    leave_phase(s);
    make_ready(s);
  }
}

// Transfers that take long leave their prompt place to those that may be quick.
void Courier::retire_slow(Time now) {
  while (!prompt_.empty() && prompt_.front().since + options_.patience <= now) {
    if (slow_.size() >= options_.slow_places) {
      if (slow_.empty() || slow_.front().since + kLeastInSlowPlace > now) return;
      auto& evicted = *slow_.front().subscriber;
      leave_phase(evicted);
      failed(evicted, {Outcome::kTryAgain, "took too long while others wait", {}});
    }
    auto& s = *prompt_.front().subscriber;
    s.suspect = true;
    s.flights = &slow_;
    slow_.splice(slow_.end(), prompt_, prompt_.begin());
  }
}

void Courier::dispatch() {
  while (!ready_.empty()) {
    auto& s = *ready_.front();
    if (s.record->over_websocket()) {
      start_websocket(s);
    } else if (prompt_.size() < options_.prompt_places) {
      start(s, prompt_);
    } else {
      break;
    }
  }
  // A quarter of the slow places is for those that turn out to be slow.
  const size_t for_suspects = options_.slow_places - options_.slow_places / 4;
  while (!ready_suspects_.empty() && slow_.size() < for_suspects) {
    start(*ready_suspects_.front(), slow_);
  }
}

void Courier::start(Subscriber& s, Flights& places) {
  leave_phase(s);
  const auto& item = s.queue.front();
  if (s.failures > 0) statistics_.update(s.record->id, [](DeliveryCounts& c) { ++c.retried; });
  const auto transfer = http_.send(
      s.record->callback, notification_text(item.event->event, *s.record), item.event->key,
      [this, id = s.record->id](const Report& report) { finished(id, report); });
  s.phase = Phase::kInFlight;
  s.flights = &places;
  s.flight = places.insert(places.end(), {&s, transfer, clock_.now()});
}

void Courier::start_websocket(Subscriber& s) {
  leave_phase(s);
  const auto& item = s.queue.front();
  s.websocket_transfer = websocket_.send(
      s.record->websocket_token, notification_text(item.event->event, *s.record), item.event->key,
      [this, id = s.record->id](const Report& report) { finished(id, report); });
  s.phase = Phase::kOnWebSocket;
}

void Courier::finished(const std::string& id, const Report& report) {
  hooks_.reported();
  auto& s = subscribers_.at(id);
  if (s.phase == Phase::kInFlight) {
    s.suspect = s.flights == &slow_ && clock_.now() - s.flight->since > options_.patience;
    s.flights->erase(s.flight);
  }
  s.phase = Phase::kIdle;
  switch (report.outcome) {
    case Outcome::kDelivered:
      s.failures = 0;
      statistics_.update(id, [now = clock_.wall()](DeliveryCounts& c) {
        ++c.delivered;
        c.last_delivery = now;
      });
      settle_front(s);
      make_ready(s);
      return;
    case Outcome::kRefused:
      s.failures = 0;
      statistics_.update(id, [&, now = clock_.wall()](DeliveryCounts& c) {
        ++c.refused;
        c.last_error = report.error;
        c.last_failure = now;
      });
      settle_front(s);
      make_ready(s);
      return;
    case Outcome::kAway:
      s.phase = Phase::kAway;
      give_up_old(s);
      return;
    case Outcome::kGone:
      failed(s, report);
      hooks_.gone(*s.record);
      return;
    case Outcome::kTryAgain:
      failed(s, report);
      return;
  }
}

void Courier::failed(Subscriber& s, const Report& report) {
  ++s.failures;
  s.suspect = true;
  statistics_.update(s.record->id, [&, now = clock_.wall()](DeliveryCounts& c) {
    ++c.failed;
    c.last_error = report.error;
    c.last_failure = now;
  });
  spdlog::debug("notification failed subscription={} failures={} reason=\"{}\"", s.record->id,
                s.failures, report.error);
  const bool fall_back = s.record->websocket_fallback && !s.record->over_websocket() &&
                         s.queue.front().event->event.kind == EventKind::kTest &&
                         s.failures >= options_.test_attempts;
  give_up_old(s);
  auto delay = backoff(options_.backoff, s.failures, random_);
  if (report.retry_after) {
    delay = std::clamp<std::chrono::milliseconds>(*report.retry_after, delay,
                                                  std::max(delay, options_.backoff.longest));
  }
  wait(s, delay);
  if (fall_back) hooks_.fall_back(*s.record);
}

void Courier::give_up_old() {
  for (auto& [id, s] : subscribers_) {
    if (s.phase == Phase::kAway || s.phase == Phase::kWaiting) give_up_old(s);
  }
}

void Courier::give_up_old(Subscriber& s) {
  while (!s.queue.empty() && s.queue.front().event->event.at + options_.keep < clock_.wall()) {
    statistics_.update(s.record->id, [](DeliveryCounts& c) { ++c.dropped; });
    settle_front(s);
  }
}

void Courier::settle_front(Subscriber& s) {
  const auto item = take_out(s, 0);
  statistics_.update(s.record->id, [](DeliveryCounts& c) { --c.queued; });
  settle(item);
}

Courier::Item Courier::take_out(Subscriber& s, size_t position) {
  const auto at = s.queue.begin() + static_cast<std::ptrdiff_t>(position);
  auto item = std::move(*at);
  s.queue.erase(at);
  s.queue_bytes -= bytes_of(item.event->event);
  s.owner->queue_bytes -= bytes_of(item.event->event);
  return item;
}

void Courier::leave_owner(Subscriber& s) {
  s.owner->queue_bytes -= s.queue_bytes;
  s.owner->subscribers.erase(&s);
  if (s.owner->subscribers.empty()) owners_.erase(s.record->owner);
}

void Courier::settle(const Item& item) {
  item.event->settled[item.index] = true;
  --item.event->left;
  hooks_.settled(item.event);
}

// The one on its way stays: breaking it off would not make it undelivered.
std::optional<size_t> Courier::droppable(const Subscriber& s) {
  const bool busy = s.phase == Phase::kInFlight || s.phase == Phase::kOnWebSocket;
  const size_t first = busy ? 1 : 0;
  if (s.queue.size() <= first + 1) return std::nullopt;
  return first;
}

void Courier::drop(Subscriber& s, size_t position) {
  const auto item = take_out(s, position);
  statistics_.update(s.record->id, [](DeliveryCounts& c) {
    ++c.dropped;
    --c.queued;
  });
  settle(item);
}

void Courier::drop_overflow(Subscriber& s) {
  while (s.queue.size() > options_.queue || s.queue_bytes > options_.queue_bytes) {
    auto oldest = droppable(s);
    if (!oldest && s.queue.size() <= options_.queue) break;
    drop(s, oldest.value_or(0));
  }
  auto& owner = *s.owner;
  while (owner.queue_bytes > options_.owner_queue_bytes) {
    Subscriber* fullest = nullptr;
    for (auto* other : owner.subscribers) {
      if (!droppable(*other)) continue;
      if (fullest == nullptr || other->queue_bytes > fullest->queue_bytes) fullest = other;
    }
    if (fullest == nullptr) break;
    drop(*fullest, *droppable(*fullest));
  }
}

}  // namespace sluice::notify
