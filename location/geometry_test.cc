#include "location/geometry.h"

#include <algorithm>
#include <map>

namespace sluice::location {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr Coordinates kMunich{48.1374, 11.5755};

TEST(Geometry, MeasuresAlongTheEllipsoid) {
  // By Karney's GeographicLib.
  EXPECT_NEAR(distance_m(kMunich, {52.5200, 13.4050}), 504'340, 300);
  EXPECT_NEAR(distance_m({0, 179.999}, {0, -179.999}), 222.64, 0.5);
  EXPECT_NEAR(distance_m({0, 0}, {1, 0}), 110'574, 30);
  EXPECT_EQ(distance_m(kMunich, kMunich), 0);
}

TEST(Geometry, ACircleContainsWhatIsWithinItsRadius) {
  const auto circle = Area::circle(kMunich, 500);
  EXPECT_TRUE(circle.contains(kMunich));
  EXPECT_TRUE(circle.contains({48.1374 + 0.0044, 11.5755}));   // 489 m
  EXPECT_FALSE(circle.contains({48.1374 + 0.0046, 11.5755}));  // 511 m
  EXPECT_TRUE(circle.contains({48.1374, 11.5755 + 0.0066}));   // 491 m
  EXPECT_FALSE(circle.contains({48.1374, 11.5755 + 0.0069}));  // 514 m
}

TEST(Geometry, APolygonContainsItsInside) {
  // An L, in the order of a clock, and against it.
  std::vector<Coordinates> corners = {{0, 0}, {2, 0}, {2, 1}, {1, 1}, {1, 2}, {0, 2}};
  for (int turn = 0; turn < 2; ++turn, std::ranges::reverse(corners)) {
    const auto area = Area::polygon(corners);
    ASSERT_TRUE(area) << area.error().to_string();
    EXPECT_TRUE(area->contains({0.5, 0.5}));
    EXPECT_TRUE(area->contains({1.5, 0.5}));
    EXPECT_FALSE(area->contains({1.5, 1.5}));
    EXPECT_TRUE(area->contains({0, 0}));
    EXPECT_FALSE(area->contains({-0.1, 0.5}));
  }
  const auto bow_tie = Area::polygon({{0, 0}, {1, 1}, {1, 0}, {0, 1}});
  ASSERT_FALSE(bow_tie);
  EXPECT_THAT(bow_tie.error().to_string(), HasSubstr("areaDefine.points: are no polygon"));
  EXPECT_FALSE(Area::polygon({{0, 0}, {0, 1}, {0, 2}}));
}

TEST(Geometry, AnIndexFindsTheAreasOfAPoint) {
  AreaIndex index;
  std::map<uint64_t, Area> areas;
  for (uint64_t i = 0; i < 200; ++i) {
    areas.emplace(i, Area::circle({48.0 + 0.01 * static_cast<double>(i), 11.5}, 300));
    index.add(i, areas.at(i));
  }
  EXPECT_THAT(index.find({48.5, 11.5}), ElementsAre(50));
  EXPECT_THAT(index.find({48.505, 11.5}), IsEmpty());
  index.remove(50, areas.at(50));
  EXPECT_THAT(index.find({48.5, 11.5}), IsEmpty());
  EXPECT_EQ(index.size(), 199u);
}

TEST(Geometry, AnIndexKnowsTheDateLineAndThePoles) {
  AreaIndex index;
  index.add(1, Area::circle({10, 179.9999}, 1'000));
  index.add(2, Area::circle({10, -179.9999}, 1'000));
  index.add(3, Area::polygon({{9, 179}, {11, 179}, {11, -179}, {9, -179}}).value());
  index.add(4, Area::circle({89.999, 30}, 1'000));
  EXPECT_THAT(index.find({10, 179.998}), UnorderedElementsAre(1, 2, 3));
  EXPECT_THAT(index.find({10, -179.998}), UnorderedElementsAre(1, 2, 3));
  EXPECT_THAT(index.find({10, 178}), IsEmpty());
  EXPECT_THAT(index.find({89.9985, -150}), ElementsAre(4));
}

}  // namespace
}  // namespace sluice::location
