// The life of an app instance (MEC 011 §5.2.2, §5.2.3), as one table (app_lifecycle.cc).
//
//                     kReady                 kStop                  kConfirmStop, kDeadline
//   PROVISIONED ────────────────▶ READY ──────────────▶ STOPPING ─────────────────────┐
//        │                          │ ▲                    │                          ▼
//        │ kStop: as from READY     │ └────────────────────┼───────────── kReady ─── STOPPED
//        │                          │ kTerminate           │ kTerminate               │
//        │ kTerminate               ▼                      ▼                          │ kTerminate
//        └───────────────────▶ TERMINATING ◀───────────────┴──────────────────────────┘
//                                   │ kConfirmTerminate, kDeadline
//                                   ▼
//                              TERMINATED ── Mm5 DELETE ──▶ gone
//
// Rules are in effect in READY, STOPPING and TERMINATING: an app that says goodbye still serves its
// users. A terminate request that nobody is told of (no subscription, or no time) passes through
// STOPPING or TERMINATING within one change.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace sluice::mep {

enum class AppState : uint8_t {
  kProvisioned,  // its rules are held back
  kReady,        // it has confirmed that it runs
  kStopping,     // asked to stop, has time until the deadline
  kStopped,      // its rules are held back until it is ready again
  kTerminating,  // asked to end, has time until the deadline
  kTerminated,   // its rules and services are gone; only reading and Mm5 DELETE are left
};

enum class AppEvent : uint8_t {
  kReady,             // confirm_ready
  kStop,              // Mm5: terminate, STOPPING
  kTerminate,         // Mm5: terminate, TERMINATING
  kConfirmStop,       // confirm_termination, STOPPING
  kConfirmTerminate,  // confirm_termination, TERMINATING
  kDeadline,          // the graceful time is over
};

// "READY"; the words of api-specs/mm5.yaml.
const char* to_string(AppState state);
std::optional<AppState> parse_app_state(std::string_view word);

// The state after the event, or kConflict saying why it is out of order.
Result<AppState> next_state(AppState state, AppEvent event);

// Whether switched-on rules of an app in this state are in effect.
constexpr bool rules_in_effect(AppState state) {
  return state == AppState::kReady || state == AppState::kStopping ||
         state == AppState::kTerminating;
}
// Whether a request to stop or end waits for its confirmation or deadline.
constexpr bool is_pending(AppState state) {
  return state == AppState::kStopping || state == AppState::kTerminating;
}

}  // namespace sluice::mep
