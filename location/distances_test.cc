#include "location/distances.h"

#include <map>

namespace sluice::location {
namespace {

DistanceFilter filter(size_t monitored, size_t references, bool all) {
  DistanceFilter out;
  for (size_t i = 0; i < monitored; ++i) out.monitored.push_back("m" + std::to_string(i));
  for (size_t i = 0; i < references; ++i) out.references.push_back("r" + std::to_string(i));
  out.distance_m = 1000;
  out.within = true;
  out.all = all;
  return out;
}

class DistancesTest : public testing::Test {
 protected:
  const feeds::Fix* operator()(const std::string& name) {
    ++asked_;
    const auto found = fixes_.find(name);
    return found == fixes_.end() ? nullptr : &found->second;
  }
  Distances::FixOf fix_of() {
    return [this](const std::string& name) { return (*this)(name); };
  }
  std::map<std::string, feeds::Fix> fixes_;
  size_t asked_ = 0;
};

TEST_F(DistancesTest, AMoveCostsThePairsOfTheUserOnly) {
  const auto wanted = filter(20, 20, true);
  Distances distances(wanted);
  for (const auto* names : {&wanted.monitored, &wanted.references}) {
    for (const auto& name : *names) fixes_[name].at = {48, 11};
  }
  distances.look(fix_of());
  EXPECT_TRUE(distances.hold());
  asked_ = 0;
  fixes_["m3"].at = {50, 11};
  EXPECT_FALSE(distances.begin_to_hold("m3", fix_of()));
  EXPECT_FALSE(distances.hold());
  EXPECT_LE(asked_, 40u + 21u);  // whether all are known still, and the pairs
}

TEST_F(DistancesTest, SaysTheSameAsLookingAtEverything) {
  for (const bool all : {false, true}) {
    for (const size_t references : {0u, 2u}) {
      auto wanted = filter(3, references, all);
      if (references > 0) wanted.references[0] = "m1";  // of both
      Distances one(wanted);
      unsigned random = 1;
      size_t began = 0;
      for (int i = 0; i < 400; ++i) {
        random = random * 1103515245 + 12345;
        const auto user = (random >> 16 & 3) == 3 ? "r1" : "m" + std::to_string(random >> 16 & 3);
        const bool held = one.hold();
        fixes_[user].at = {48 + 0.007 * static_cast<double>(random >> 20 & 1), 11};
        if ((random >> 22 & 7) == 0) fixes_.erase(user);
        const bool begins = one.begin_to_hold(user, fix_of());
        Distances other(wanted);
        other.look(fix_of());
        ASSERT_EQ(one.hold(), other.hold()) << i;
        ASSERT_EQ(begins, !held && one.hold()) << i;
        began += begins;
      }
      EXPECT_GT(began, 4u);
    }
  }
}

TEST_F(DistancesTest, AUserKnownNoMoreHoldsNothingWhenAnotherMoves) {
  const auto wanted = filter(2, 1, false);
  Distances distances(wanted);
  fixes_["m0"].at = fixes_["r0"].at = {48, 11};
  EXPECT_TRUE(distances.begin_to_hold("m0", fix_of()));
  fixes_.erase("m0");
  fixes_["m1"].at = {48, 11};
  EXPECT_TRUE(distances.begin_to_hold("m1", fix_of()));
}

}  // namespace
}  // namespace sluice::location
