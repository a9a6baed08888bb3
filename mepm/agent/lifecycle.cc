#include "mepm/agent/lifecycle.h"

#include <algorithm>
#include <array>

namespace sluice::mepm {
namespace {

struct Transition {
  Phase from;
  Event event;
  Phase to;
};

constexpr Transition kTable[] = {
    {Phase::kNone, Event::kRun, Phase::kLoading},
    {Phase::kLoading, Event::kDone, Phase::kProvisioning},
    {Phase::kLoading, Event::kFailed, Phase::kRemoving},
    {Phase::kLoading, Event::kEnd, Phase::kRemoving},
    {Phase::kProvisioning, Event::kDone, Phase::kCreating},
    {Phase::kProvisioning, Event::kFailed, Phase::kRemoving},
    {Phase::kProvisioning, Event::kEnd, Phase::kRemoving},
    {Phase::kCreating, Event::kDone, Phase::kStarting},
    {Phase::kCreating, Event::kFailed, Phase::kRemoving},
    {Phase::kCreating, Event::kEnd, Phase::kRemoving},
    {Phase::kStarting, Event::kDone, Phase::kRunning},
    {Phase::kStarting, Event::kFailed, Phase::kRemoving},
    {Phase::kStarting, Event::kLost, Phase::kProvisioning},
    {Phase::kStarting, Event::kEnd, Phase::kEnding},
    {Phase::kRunning, Event::kLost, Phase::kRecovering},
    {Phase::kRunning, Event::kStop, Phase::kStopping},
    {Phase::kRunning, Event::kEnd, Phase::kEnding},
    {Phase::kRecovering, Event::kDone, Phase::kRestarting},
    {Phase::kRecovering, Event::kStop, Phase::kStopping},
    {Phase::kRecovering, Event::kEnd, Phase::kEnding},
    {Phase::kRestarting, Event::kDone, Phase::kRunning},
    {Phase::kRestarting, Event::kLost, Phase::kRecovering},
    {Phase::kRestarting, Event::kStop, Phase::kStopping},
    {Phase::kRestarting, Event::kEnd, Phase::kEnding},
    {Phase::kStopping, Event::kDone, Phase::kHalting},
    {Phase::kStopping, Event::kFailed, Phase::kHalting},
    {Phase::kStopping, Event::kEnd, Phase::kEnding},
    {Phase::kHalting, Event::kDone, Phase::kHalted},
    {Phase::kHalting, Event::kEnd, Phase::kEnding},
    {Phase::kHalted, Event::kRun, Phase::kResuming},
    {Phase::kHalted, Event::kEnd, Phase::kEnding},
    {Phase::kResuming, Event::kDone, Phase::kRunning},
    {Phase::kResuming, Event::kFailed, Phase::kHalting},
    {Phase::kResuming, Event::kLost, Phase::kRecovering},
    {Phase::kResuming, Event::kEnd, Phase::kEnding},
    {Phase::kEnding, Event::kDone, Phase::kRemoving},
    {Phase::kEnding, Event::kFailed, Phase::kRemoving},
    {Phase::kRemoving, Event::kDone, Phase::kWithdrawing},
    {Phase::kWithdrawing, Event::kDone, Phase::kNone},
};

constexpr std::array<std::string_view, 15> kPhases = {
    "NONE",    "LOADING",    "PROVISIONING", "CREATING", "STARTING",
    "RUNNING", "RECOVERING", "RESTARTING",   "STOPPING", "HALTING",
    "HALTED",  "RESUMING",   "ENDING",       "REMOVING", "WITHDRAWING"};
constexpr std::array<std::string_view, 3> kDesired = {"NOT_INSTANTIATED", "STARTED", "STOPPED"};

template <typename T, size_t N>
std::optional<T> find(const std::array<std::string_view, N>& words, std::string_view word) {
  const auto at = std::ranges::find(words, word);
  if (at == words.end()) return std::nullopt;
  return static_cast<T>(at - words.begin());
}

}  // namespace

std::string_view to_string(Phase phase) { return kPhases.at(static_cast<size_t>(phase)); }
std::optional<Phase> parse_phase(std::string_view word) { return find<Phase>(kPhases, word); }
std::string_view to_string(Desired desired) { return kDesired.at(static_cast<size_t>(desired)); }
std::optional<Desired> parse_desired(std::string_view word) {
  return find<Desired>(kDesired, word);
}

std::optional<Phase> next_phase(Phase phase, Event event) {
  for (const auto& t : kTable) {
    if (t.from == phase && t.event == event) return t.to;
  }
  return std::nullopt;
}

std::optional<Event> towards(Phase phase, Desired desired) {
  std::optional<Event> out;
  switch (desired) {
    case Desired::kNotInstantiated:
      out = Event::kEnd;
      break;
    case Desired::kStarted:
      out = Event::kRun;
      break;
    case Desired::kStopped:  // what is to be stopped has run
      out = phase == Phase::kNone     ? std::optional(Event::kRun)
            : phase == Phase::kHalted ? std::nullopt
                                      : std::optional(Event::kStop);
      break;
  }
  if (out && !next_phase(phase, *out)) out.reset();
  return out;
}

}  // namespace sluice::mepm
