#include "mep/steering/reconciler.h"

#include <algorithm>

#include "base/log.h"

namespace sluice::mep {

Reconciler::Reconciler(EventLoop& loop, const Store& store, const Clock& clock,
                       RuleReports& reports, ReconcilerConfig config,
                       const bandwidth::Grants* grants, const TagDirectory* tags)
    : loop_(loop),
      store_(store),
      clock_(clock),
      reports_(reports),
      config_(std::move(config)),
      grants_(grants),
      tags_(tags),
      retry_delay_(config_.first_retry),
      client_(loop, config_.mp2, *this) {
  reports_.set_link({.connected = false, .since_ms = now_ms()});
}

Reconciler::~Reconciler() {
  loop_.cancel(retry_);
  loop_.cancel(reply_timeout_);
}

int64_t Reconciler::now_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall().time_since_epoch())
      .count();
}

void Reconciler::sync() {
  if (!client_.connected() || pending_) return;
  auto target = store_.snapshot();
  if (!installed_) {
    send_all();
  } else if (installed_->generation() != target.generation()) {
    send_difference(std::move(target));
  }
}

void Reconciler::tell_tags() {
  if (tags_ == nullptr || !client_.connected()) return;
  const mp2::Tags message{store_.snapshot().source(), tags_->tags()};
  if (auto sent = client_.send(message); !sent) {
    spdlog::error("steering cannot tell tags reason=\"{}\"", sent.error().message);
  }
}

void Reconciler::send_all() {
  loop_.cancel(retry_);
  auto target = store_.snapshot();
  auto all = desired_set(target, desired());
  spdlog::info("steering sending all generation={} rules={} dns_rules={} guarantees={}",
               all.version.generation, all.rules.size(), all.dns.size(), all.guarantees.size());
  dispatch(std::move(all), {std::move(target), std::nullopt});
}

void Reconciler::send_difference(State target) {
  auto update = difference(*installed_, target, desired());
  const mp2::Message message = update;
  dispatch(message, {std::move(target), std::move(update)});
}

void Reconciler::dispatch(const mp2::Message& message, Pending pending) {
  if (auto sent = client_.send(message); !sent) {
    spdlog::error("steering cannot send reason=\"{}\"", sent.error().message);
    give_up_for_now(sent.error().message);
    return;
  }
  pending_ = std::move(pending);
  reply_timeout_ = loop_.after(config_.reply_timeout,
                               [this] { client_.disconnect("the user plane does not answer"); });
}

Reconciler::Pending Reconciler::take_pending() {
  loop_.cancel(reply_timeout_);
  auto out = std::move(*pending_);
  pending_.reset();
  return out;
}

void Reconciler::give_up_for_now(std::string reason) {
  auto link = reports_.link();
  link.refusal = std::move(reason);
  reports_.set_link(std::move(link));
  retry_later();
}

void Reconciler::on_hello(const mp2::Hello& hello) {
  const auto desired = store_.snapshot();
  const mp2::SetVersion wanted{desired.source(), desired.generation()};
  reports_.set_link({.connected = true,
                     .instance_id = hello.instance_id,
                     .installed_generation =
                         hello.installed.source == wanted.source ? hello.installed.generation : 0,
                     .refusal = {},
                     .features = hello.features,
                     .since_ms = now_ms()});
  retry_delay_ = config_.first_retry;
  tell_tags();  // before the rules about them
  if (hello.installed == wanted) {
    installed_ = desired;
  } else {
    installed_.reset();
    send_all();
  }
}

Result<void> Reconciler::on_applied(const mp2::Applied& applied) {
  if (!pending_ || applied.generation != pending_->target.generation()) {
    return fail(ErrorCode::kInvalidArgument, "generation {} is confirmed, which was not asked for",
                applied.generation);
  }
  auto done = take_pending();
  const auto news =
      reports_.installed(done.update ? &*done.update : nullptr, applied.rejected, now_ms());
  for (const auto& [kind, key, reason] : news) {
    spdlog::warn("steering rule rejected kind={} key={} reason=\"{}\"", mp2::to_string(kind), key,
                 reason);
  }
  auto link = reports_.link();
  link.installed_generation = applied.generation;
  link.refusal.clear();
  reports_.set_link(std::move(link));
  installed_ = std::move(done.target);
  loop_.cancel(retry_);
  retry_delay_ = config_.first_retry;
  sync();
  return {};
}

Result<void> Reconciler::on_refused(const mp2::Refused& refused) {
  // 0: the user plane could not read what it was sent, not even its number.
  if (!pending_ ||
      (refused.generation != 0 && refused.generation != pending_->target.generation())) {
    return fail(ErrorCode::kInvalidArgument, "generation {} is refused, which was not asked for",
                refused.generation);
  }
  spdlog::warn("steering set refused generation={} code={} reason=\"{}\"", refused.generation,
               mp2::to_string(refused.code), refused.reason);
  const bool was_update = take_pending().update.has_value();
  // Only an update can be out of step; a whole set that is refused so is refused for good.
  if (was_update && refused.code == mp2::RefusalCode::kResync) {
    installed_.reset();
    send_all();
    return {};
  }
  give_up_for_now(refused.reason);
  return {};
}

void Reconciler::retry_later() {
  loop_.cancel(retry_);
  retry_ = loop_.after(retry_delay_, [this] { sync(); });
  retry_delay_ = std::min(2 * retry_delay_, config_.longest_retry);
}

void Reconciler::on_status(const mp2::Status& status) { reports_.merge(status); }

void Reconciler::on_disconnect() {
  if (pending_) take_pending();
  installed_.reset();
  loop_.cancel(retry_);
  auto link = reports_.link();
  link.connected = false;
  link.since_ms = now_ms();
  reports_.set_link(std::move(link));
  reports_.forget_steering();
}

}  // namespace sluice::mep
