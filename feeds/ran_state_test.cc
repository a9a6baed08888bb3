#include "feeds/ran_state.h"

#include <algorithm>

namespace sluice::feeds {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class RanStateTest : public testing::Test, public RanState::Observer {
 protected:
  RanStateTest() { start(); }
  void start() { state_.emplace(StateLimits{.users = 3, .cells = 3, .bearers_of_user = 2}); }
  void changed(const RanState&, const Change& change) override {
    if (change.kind == Change::Kind::kCell) {
      told_.push_back("cell " + state_->cell(change.was).id);
      return;
    }
    told_.push_back(*state_->user(change.user).address + " " + std::string(change.was_zone) + ">" +
                    std::string(change.is_zone) + (change.located ? " located" : "") +
                    (change.forgotten ? " forgotten" : ""));
  }
  // "late" or "new", or why it is refused.
  std::string report(const std::string& line) {
    auto parsed = parse_report(line);
    EXPECT_TRUE(parsed) << line;
    const auto taken = state_->apply(std::move(*parsed), this);
    return !taken ? taken.error().message : *taken ? "new" : "late";
  }
  std::string cell(int time, const std::string& id, const std::string& zone) {
    return report(R"({"type":"cell","timeMs":)" + std::to_string(time) + R"(,"cellId":")" + id +
                  R"(","zoneId":")" + zone + R"(","connectionType":"LTE"})");
  }
  std::string user(const std::string& type, int time, const std::string& name,
                   const std::string& more = {}) {
    return report(R"({"type":")" + type + R"(","timeMs":)" + std::to_string(time) + R"(,"user":")" +
                  name + "\"" + more + "}");
  }
  std::vector<std::string> told() { return std::exchange(told_, {}); }
  size_t users_of(const std::string& zone) {
    const auto found = state_->zones().find(zone);
    return found == state_->zones().end() ? 0 : found->second.users;
  }

  std::optional<RanState> state_;
  std::vector<std::string> told_;
};

TEST_F(RanStateTest, FollowsUsersThroughCellsAndZones) {
  cell(1, "a", "west");
  cell(1, "b", "east");
  EXPECT_THAT(told(), ElementsAre("cell a", "cell b"));
  EXPECT_EQ(user("position", 10, "u", R"(,"cellId":"a")"), "new");
  EXPECT_EQ(user("measurement", 20, "u", R"(,"cellId":"b","rsrpDbm":-80)"), "new");
  EXPECT_EQ(user("position", 30, "u", R"(,"cellId":"elsewhere","latitude":1,"longitude":2)"),
            "new");
  EXPECT_THAT(told(), ElementsAre("u >west", "u west>east", "u east> located"));
  EXPECT_EQ(users_of("east"), 0u);
  EXPECT_EQ(state_->find_user("u")->fix.at, (Coordinates{1, 2}));
}

TEST_F(RanStateTest, WhatIsKnownDoesNotDependOnTheOrderOfReports) {
  std::vector<int> order = {0, 1, 2, 3, 4, 5, 6};
  do {
    start();
    cell(1, "a", "west");
    for (const int i : order) {
      if (i == 0) user("position", 10, "u", R"(,"cellId":"a","latitude":1,"longitude":1)");
      if (i == 1) user("position", 20, "u", R"(,"latitude":2,"longitude":2)");
      if (i == 2) user("bearer", 30, "u", R"(,"cellId":"b","bearerId":5,"state":"ACTIVE")");
      if (i == 3) user("bearer", 25, "u", R"(,"cellId":"a","bearerId":5,"state":"RELEASED")");
      if (i == 4) user("detach", 15, "u");
      if (i == 5) user("measurement", 12, "u", R"(,"rsrpDbm":-80)");
      if (i == 6) cell(1, "b", "east");
    }
    const auto* known = state_->find_user("u");
    EXPECT_EQ(known->fix.at, (Coordinates{2, 2}));
    EXPECT_EQ(state_->cell(known->cell).id, "b");
    EXPECT_FALSE(known->radio->bearers.at(0).report.released);
    EXPECT_EQ(known->radio->measurement.time_ms, 0);  // detached since
    EXPECT_EQ(users_of("west"), 0u);
    EXPECT_EQ(users_of("east"), 1u);
  } while (std::ranges::next_permutation(order).found);
}

TEST_F(RanStateTest, TellsNobodyOfLateReports) {
  cell(1, "a", "west");
  user("position", 20, "u", R"(,"cellId":"a")");
  told();
  EXPECT_EQ(user("position", 19, "u", R"(,"cellId":"b")"), "late");
  EXPECT_EQ(user("detach", 19, "u"), "late");
  EXPECT_EQ(cell(1, "a", "west"), "new");
  EXPECT_THAT(told(), ElementsAre("cell a"));
}

TEST_F(RanStateTest, ADetachedUserIsNowhereUntilLaterReports) {
  cell(1, "a", "west");
  user("position", 20, "u", R"(,"cellId":"a","latitude":1,"longitude":2)");
  told();
  EXPECT_EQ(user("detach", 30, "u"), "new");
  EXPECT_THAT(told(), ElementsAre("u west> located"));
  EXPECT_EQ(state_->find_user("u")->fix_time_ms, 0);
  EXPECT_EQ(user("position", 25, "u", R"(,"cellId":"a","latitude":1,"longitude":2)"), "late");
  EXPECT_EQ(user("position", 31, "u", R"(,"cellId":"a")"), "new");
  EXPECT_EQ(users_of("west"), 1u);
}

TEST_F(RanStateTest, ALateDetachEndsWhatIsOlderStill) {
  cell(1, "a", "west");
  user("position", 10, "u", R"(,"cellId":"a","latitude":1,"longitude":2)");
  user("measurement", 30, "u", R"(,"rsrpDbm":-80)");
  told();
  EXPECT_EQ(user("detach", 20, "u"), "new");
  EXPECT_THAT(told(), ElementsAre("u west> located"));
  EXPECT_EQ(state_->find_user("u")->radio->measurement.time_ms, 30);
  EXPECT_EQ(user("detach", 19, "u"), "late");
  EXPECT_EQ(user("position", 19, "u", R"(,"cellId":"a")"), "late");
}

TEST_F(RanStateTest, UsersAreAtACellAsSoonAsItIsInTheMap) {
  user("position", 10, "u", R"(,"cellId":"a")");
  user("position", 10, "v", R"(,"cellId":"a")");
  user("position", 11, "v", R"(,"cellId":"b")");
  EXPECT_THAT(told(), IsEmpty());
  cell(20, "a", "west");
  EXPECT_THAT(told(), ElementsAre("u >west", "cell a"));
  EXPECT_EQ(users_of("west"), 1u);
  report(R"({"type":"cell","timeMs":30,"cellId":"a","removed":true})");
  user("detach", 31, "v");
  told();
  cell(40, "a", "east");
  cell(40, "b", "east");
  EXPECT_THAT(told(), ElementsAre("u >east", "cell a", "cell b"));
}

TEST_F(RanStateTest, CellsThatMoveOrGoTakeTheirUsersAlong) {
  cell(1, "a", "west");
  user("position", 20, "u", R"(,"cellId":"a")");
  told();
  cell(30, "a", "east");
  EXPECT_THAT(told(), ElementsAre("u west>east", "cell a"));
  EXPECT_EQ(state_->zones().size(), 1u);
  EXPECT_EQ(report(R"({"type":"cell","timeMs":29,"cellId":"a","removed":true})"), "late");
  EXPECT_EQ(report(R"({"type":"cell","timeMs":40,"cellId":"a","removed":true})"), "new");
  EXPECT_THAT(told(), ElementsAre("u east>"));
  EXPECT_THAT(state_->zones(), IsEmpty());
  EXPECT_EQ(cell(39, "a", "west"), "late");
  EXPECT_EQ(cell(41, "a", "west"), "new");
  EXPECT_EQ(user("position", 21, "u", R"(,"cellId":"a")"), "new");
}

TEST_F(RanStateTest, IsBounded) {
  for (const auto* name : {"a", "b", "c"}) {
    cell(1, name, "z");
    user("position", 1, name, R"(,"cellId":"a")");
  }
  EXPECT_EQ(cell(1, "d", "z"), "there are 3 cells already");
  EXPECT_EQ(user("detach", 1, "d"), "there are 3 users already");
  for (const auto* id : {"1", "2"}) {
    EXPECT_EQ(user("bearer", 2, "a", std::string(R"(,"state":"ACTIVE","bearerId":)") + id), "new");
  }
  EXPECT_EQ(user("bearer", 2, "a", R"(,"state":"ACTIVE","bearerId":3)"),
            "the user has 2 bearers already");
  // What else the line says counts; those that were released make room.
  user("bearer", 3, "a", R"(,"state":"ACTIVE","bearerId":3,"cellId":"b")");
  EXPECT_EQ(state_->cell(state_->find_user("a")->cell).id, "b");
  EXPECT_EQ(user("bearer", 4, "a", R"(,"state":"RELEASED","bearerId":2)"), "new");
  EXPECT_EQ(user("bearer", 5, "a", R"(,"state":"ACTIVE","bearerId":3)"), "new");
  told();
  EXPECT_EQ(state_->forget_before(2, 9, this), 2u);
  EXPECT_THAT(told(), ElementsAre("b z> forgotten", "c z> forgotten"));
  EXPECT_EQ(users_of("z"), 1u);
  EXPECT_EQ(user("position", 3, "d", R"(,"cellId":"b")"), "new");
}

}  // namespace
}  // namespace sluice::feeds
