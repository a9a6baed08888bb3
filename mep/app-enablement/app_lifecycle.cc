#include "mep/app-enablement/app_lifecycle.h"

#include <array>

namespace sluice::mep {
namespace {

constexpr size_t kStates = 6;
constexpr size_t kEvents = 6;
constexpr auto kNo = static_cast<AppState>(255);  // out of order

using enum AppState;

// By state, then by event: ready, stop, terminate, confirm stop, confirm terminate, deadline. A
// deadline that fires late, after the confirmation, is out of order like anything else.
constexpr std::array<std::array<AppState, kEvents>, kStates> kNext = {{
    /* PROVISIONED */ {kReady, kStopping, kTerminating, kNo, kNo, kNo},
    /* READY       */ {kReady, kStopping, kTerminating, kNo, kNo, kNo},
    /* STOPPING    */ {kNo, kNo, kTerminating, kStopped, kNo, kStopped},
    /* STOPPED     */ {kReady, kNo, kTerminating, kNo, kNo, kNo},
    /* TERMINATING */ {kNo, kNo, kNo, kNo, kTerminated, kTerminated},
    /* TERMINATED  */ {kNo, kNo, kNo, kNo, kNo, kNo},
}};

constexpr std::array<const char*, kStates> kWords = {"PROVISIONED", "READY",       "STOPPING",
                                                     "STOPPED",     "TERMINATING", "TERMINATED"};

std::string why_not(AppState state, AppEvent event) {
  const char* is = to_string(state);
  switch (event) {
    case AppEvent::kReady:
      return fmt::format("the app instance is {} and cannot become ready now", is);
    case AppEvent::kStop:
    case AppEvent::kTerminate:
      return fmt::format("the app instance is {} already", is);
    case AppEvent::kConfirmStop:
    case AppEvent::kConfirmTerminate:
      if (!is_pending(state)) {
        return fmt::format("the app instance is {}: there is nothing to confirm", is);
      }
      return fmt::format("the app instance is {}: operationAction must be that of the notification",
                         is);
    case AppEvent::kDeadline:
      break;
  }
  return fmt::format("the app instance is {} and waits for no deadline", is);
}

}  // namespace

const char* to_string(AppState state) { return kWords[static_cast<size_t>(state)]; }

std::optional<AppState> parse_app_state(std::string_view word) {
  for (size_t i = 0; i < kStates; ++i) {
    if (kWords[i] == word) return static_cast<AppState>(i);
  }
  return std::nullopt;
}

Result<AppState> next_state(AppState state, AppEvent event) {
  const auto next = kNext[static_cast<size_t>(state)][static_cast<size_t>(event)];
  if (next != kNo) return next;
  return fail(ErrorCode::kConflict, "{}", why_not(state, event));
}

}  // namespace sluice::mep
