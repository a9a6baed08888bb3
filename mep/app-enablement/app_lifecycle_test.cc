#include "mep/app-enablement/app_lifecycle.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>

namespace sluice::mep {
namespace {

using enum AppState;

constexpr AppState kAll[] = {kProvisioned, kReady, kStopping, kStopped, kTerminating, kTerminated};

// What follows, or nothing when the event is out of order.
std::optional<AppState> after(AppState state, AppEvent event) {
  const auto next = next_state(state, event);
  if (next) return *next;
  EXPECT_EQ(next.error().code, ErrorCode::kConflict);
  EXPECT_NE(next.error().message.find(to_string(state)), std::string::npos);
  return std::nullopt;
}

TEST(AppLifecycle, FollowsTheDiagramAndNothingElse) {
  struct Row {
    AppEvent event;
    std::map<AppState, AppState> next;
  };
  const Row rows[] = {
      {AppEvent::kReady, {{kProvisioned, kReady}, {kReady, kReady}, {kStopped, kReady}}},
      {AppEvent::kStop, {{kProvisioned, kStopping}, {kReady, kStopping}}},
      {AppEvent::kTerminate,
       {{kProvisioned, kTerminating},
        {kReady, kTerminating},
        {kStopping, kTerminating},
        {kStopped, kTerminating}}},
      {AppEvent::kConfirmStop, {{kStopping, kStopped}}},
      {AppEvent::kConfirmTerminate, {{kTerminating, kTerminated}}},
      {AppEvent::kDeadline, {{kStopping, kStopped}, {kTerminating, kTerminated}}},
  };
  for (const auto& row : rows) {
    for (const auto state : kAll) {
      const auto expected = row.next.find(state);
      EXPECT_EQ(after(state, row.event),
                expected == row.next.end() ? std::nullopt : std::optional(expected->second))
          << to_string(state) << " event " << static_cast<int>(row.event);
    }
  }
}

TEST(AppLifecycle, RulesStayWhileTheAppSaysGoodbye) {
  const std::set<AppState> serving = {kReady, kStopping, kTerminating};
  for (const auto state : kAll) EXPECT_EQ(rules_in_effect(state), serving.contains(state));
}

TEST(AppLifecycle, WordsReadBack) {
  for (const auto state : kAll) EXPECT_EQ(parse_app_state(to_string(state)), state);
  EXPECT_FALSE(parse_app_state("ready"));
}

}  // namespace
}  // namespace sluice::mep
