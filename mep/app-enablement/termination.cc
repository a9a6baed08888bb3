#include "mep/app-enablement/termination.h"

#include <algorithm>

#include "auth/scopes.h"
#include "base/http/percent.h"
#include "base/log.h"
#include "mep/app-enablement/app_lifecycle.h"

namespace sluice::mep {
namespace {

using nlohmann::json;

// A deadline is a time of day, which may be set anew: it is looked at this often at least.
constexpr std::chrono::milliseconds kLongestSleep{1000};

AppEvent request_event(OperationAction action) {
  return action == OperationAction::kStopping ? AppEvent::kStop : AppEvent::kTerminate;
}
AppEvent confirm_event(OperationAction action) {
  return action == OperationAction::kStopping ? AppEvent::kConfirmStop
                                              : AppEvent::kConfirmTerminate;
}

Result<AppInstance> find_app(const State& state, const std::string& id) {
  if (const auto* app = state.find_app(id)) return *app;
  return fail(ErrorCode::kNotFound, "no app instance '{}'", id);
}

}  // namespace

Result<Termination> Terminations::request(Draft& draft, const std::string& app_id,
                                          OperationAction action,
                                          uint32_t graceful_timeout_s) const {
  auto app = find_app(draft.state(), app_id);
  if (!app) return std::unexpected(app.error());
  const auto next = next_state(app->state, request_event(action));
  if (!next) return std::unexpected(next.error());

  const auto now = draft.now_ms();
  Termination out;
  out.action = action;
  out.graceful_timeout_s = graceful_timeout_s;
  out.requested_ms = now;
  out.deadline_ms = now + int64_t{graceful_timeout_s} * 1000;
  out.notified = graceful_timeout_s == 0 ? 0 : notify(draft, app_id, out);
  app->state = *next;
  if (out.notified == 0) {
    const auto last = next_state(*next, AppEvent::kDeadline);
    out.deadline_ms = now;
    finish(draft, std::move(*app), *last, out, TerminationResult::kUnannounced);
  } else {
    draft.put_app(std::move(*app));
    draft.transaction().put(records_.terminations, app_id, out);
  }
  return draft.transaction().view().find(records_.terminations, app_id)->value;
}

// Those who subscribed to hear of it; how many.
uint64_t Terminations::notify(Draft& draft, const std::string& app_id,
                              const Termination& termination) const {
  const auto prefix = notify::subscription_prefix(kAppSupportApi, app_id);
  const auto view = draft.transaction().view();
  const auto& subscriptions = view.of(outbox_.records().subscriptions);
  std::vector<std::string> to;
  for (auto it = subscriptions.lower_bound(prefix);
       it != subscriptions.end() && it->first.starts_with(prefix); ++it) {
    to.push_back(it->second.value.id);
  }
  const auto count = to.size();
  const auto confirm = public_uri_ + "/mec_app_support/v1/applications/" +
                       http::percent_encode(app_id) + "/confirm_termination";
  outbox_.enqueue(draft.transaction(),
                  {{"notificationType", "AppTerminationNotification"},
                   {"operationAction", to_string(termination.action)},
                   {"maxGracefulTimeout", termination.graceful_timeout_s},
                   {"_links", {{"confirmTermination", {{"href", confirm}}}}}},
                  std::move(to));
  return count;
}

Result<void> Terminations::confirm(Draft& draft, const std::string& app_id,
                                   OperationAction action) const {
  auto app = find_app(draft.state(), app_id);
  if (!app) return std::unexpected(app.error());
  const auto next = next_state(app->state, confirm_event(action));
  if (!next) return std::unexpected(next.error());
  finish(draft, std::move(*app), *next, pending(draft, app_id), TerminationResult::kConfirmed);
  return {};
}

Result<void> Terminations::leave(Draft& draft, const std::string& app_id) const {
  auto app = find_app(draft.state(), app_id);
  if (!app) return std::unexpected(app.error());
  const auto ending = app->state == AppState::kStopping
                          ? next_state(app->state, AppEvent::kTerminate)
                          : Result<AppState>(app->state);
  const auto next = next_state(*ending, AppEvent::kConfirmTerminate);
  if (!next) return std::unexpected(next.error());
  finish(draft, std::move(*app), *next, pending(draft, app_id), TerminationResult::kConfirmed);
  return {};
}

Termination Terminations::pending(const Draft& draft, const std::string& app_id) const {
  const auto* found = draft.state().snapshot().find(records_.terminations, app_id);
  return found == nullptr ? Termination{} : found->value;
}

bool Terminations::expire(Draft& draft) const {
  const auto view = draft.transaction().view();
  bool any = false;
  for (const auto& [id, stored] : view.of(records_.terminations)) {
    const auto& termination = stored.value;
    if (termination.result != TerminationResult::kPending ||
        termination.deadline_ms > draft.now_ms()) {
      continue;
    }
    auto app = find_app(draft.state(), id);
    const auto next = app ? next_state(app->state, AppEvent::kDeadline)
                          : Result<AppState>(std::unexpected(app.error()));
    if (!next) continue;
    finish(draft, std::move(*app), *next, termination, TerminationResult::kTimedOut);
    any = true;
  }
  return any;
}

void Terminations::finish(Draft& draft, AppInstance app, AppState next, Termination termination,
                          TerminationResult result) const {
  const auto id = app.id;
  app.state = next;
  draft.put_app(std::move(app));
  if (next == AppState::kTerminated) ended_(draft.transaction(), id);
  termination.result = result;
  termination.ended_ms = draft.now_ms();
  draft.transaction().put(records_.terminations, id, termination);
}

std::optional<int64_t> Terminations::next_deadline_ms(const State& state) const {
  std::optional<int64_t> out;
  for (const auto& [id, stored] : state.snapshot().of(records_.terminations)) {
    const auto& t = stored.value;
    if (t.result != TerminationResult::kPending) continue;
    out = std::min(out.value_or(t.deadline_ms), t.deadline_ms);
  }
  return out;
}

TerminationTimer::TerminationTimer(EventLoop& loop, const Clock& clock, Store& store,
                                   const Terminations& terminations)
    : loop_(loop), clock_(clock), store_(store), terminations_(terminations) {
  arm();
}

TerminationTimer::~TerminationTimer() {
  alive_.reset();
  if (timer_) loop_.cancel(*timer_);
}

void TerminationTimer::arm(std::chrono::milliseconds at_least) {
  if (timer_) loop_.cancel(*timer_);
  timer_.reset();
  const auto deadline = terminations_.next_deadline_ms(store_.snapshot());
  if (!deadline) return;
  const auto now = std::chrono::floor<std::chrono::milliseconds>(clock_.wall());
  const auto left = std::chrono::milliseconds(*deadline) - now.time_since_epoch();
  timer_ = loop_.after(std::clamp(left, at_least, kLongestSleep), [this] { fire(); });
}

// What ends is written without waiting for the disk: the loop has other work, too.
void TerminationTimer::fire() {
  timer_.reset();
  const auto deadline = terminations_.next_deadline_ms(store_.snapshot());
  const auto now = std::chrono::floor<std::chrono::milliseconds>(clock_.wall());
  if (!deadline || std::chrono::milliseconds(*deadline) > now.time_since_epoch()) return arm();
  const std::weak_ptr<TerminationTimer*> alive = alive_;
  store_.submit(
      [this](Draft& draft) -> Result<void> {
        terminations_.expire(draft);
        return {};
      },
      [&loop = loop_, alive](Result<void> done) {
        if (!done) {
          spdlog::error("mm5 termination not written reason=\"{}\"", done.error().to_string());
        }
        // After a failure the disk is given time; it would be asked without end otherwise.
        const auto pause = done ? std::chrono::milliseconds(0) : kLongestSleep;
        loop.post([alive, pause] {
          if (const auto timer = alive.lock()) (*timer)->arm(pause);
        });
      });
}

}  // namespace sluice::mep
