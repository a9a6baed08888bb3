// The life of an app instance at a site, as one table (lifecycle.cc).
//
//              kRun          kDone             kDone            kDone           kDone
//   NONE ───────────▶ LOADING ────▶ PROVISIONING ────▶ CREATING ────▶ STARTING ────▶ RUNNING ◀─┐
//    ▲                   │               │                │              │           │ │ │      │
//    │                   │ kFailed, kEnd │ kFailed, kEnd  │ kFailed, kEnd│ kFailed   │ │ │kLost │
//    kDone │ kDone             ▼               ▼                ▼              │           │ │ ▼ │
//  WITHDRAWING ◀──── REMOVING ◀──────────┴────────────────┴──────────────┘           │ │ RECOVERING
//              kDone     ▲                                                           │ │
//                        │ kDone, kFailed                                            │ │ kStop
//                      ENDING ◀── kEnd ── STARTING, RUNNING, RECOVERING, STOPPING, ──┘ ▼
//                                         HALTING, HALTED, RESUMING             STOPPING
//                                                                                   │ kDone,
//                                                                                   kFailed
//             RUNNING ◀── kDone ── RESUMING ◀── kRun ── HALTED ◀── kDone ──  HALTING ◀┘
//                                     └─────────────── kFailed ────────────────────▲
//
// RECOVERING leads to RUNNING by RESTARTING (kDone, kDone), which kLost leads back and kStop and
// kEnd end as RECOVERING. A client that the platform does not know any more is kLost: STARTING goes
// back to PROVISIONING, RESUMING to RECOVERING.
//
// Each phase is one thing to do, which may be done again: it is on disk before that begins, and
// after a crash it is done again. Whatever fails for good before the app runs is undone (REMOVING,
// WITHDRAWING); what cannot be undone now is tried again for ever.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::mepm {

enum class Phase : uint8_t {
  kNone,          // nothing of it is anywhere
  kLoading,       // images of the package, into the VIM
  kProvisioning,  // rules, names, APIs and a client, at the platform
  kCreating,      // network and containers
  kStarting,      // until they are well
  kRunning,       // and is watched
  kRecovering,    // something of it is lost: what is missing is made again, for as long as it takes
  kRestarting,    // as kStarting, after kRecovering; who is not well in time is recovered again
  kStopping,      // the app is told that it will be stopped, and has time
  kHalting,       // containers are stopped
  kHalted,
  kResuming,     // as kStarting, after kHalted
  kEnding,       // the app is told that it will end, and has time
  kRemoving,     // containers, network and secret go
  kWithdrawing,  // the platform forgets it
};

enum class Event : uint8_t { kRun, kStop, kEnd, kLost, kDone, kFailed };

std::string_view to_string(Phase phase);  // "RUNNING"
std::optional<Phase> parse_phase(std::string_view word);

// Where the event leads; nothing: it does not concern an instance in that phase.
std::optional<Phase> next_phase(Phase phase, Event event);

// Nothing is left to do but to watch.
constexpr bool is_settled(Phase phase) {
  return phase == Phase::kNone || phase == Phase::kRunning || phase == Phase::kHalted;
}

// What somebody wants of an instance (the words of api-specs/mepm/mm3.yaml).
enum class Desired : uint8_t { kNotInstantiated, kStarted, kStopped };
std::string_view to_string(Desired desired);  // "NOT_INSTANTIATED"
std::optional<Desired> parse_desired(std::string_view word);

// What brings an instance in that phase nearer to what is wanted; nothing: it is there, or on its
// way.
std::optional<Event> towards(Phase phase, Desired desired);

}  // namespace sluice::mepm
