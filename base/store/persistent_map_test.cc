#include "base/store/persistent_map.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>
#include <optional>
#include <random>

namespace sluice::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

using Map = PersistentMap<int>;
using Model = std::map<std::string, int>;

Map map_of(std::initializer_list<std::pair<const char*, int>> entries) {
  Map out;
  for (const auto& [id, value] : entries) out = out.with(id, value);
  return out;
}

struct Difference {
  std::string id;
  std::optional<int> before;
  std::optional<int> after;
  bool operator==(const Difference&) const = default;
};

std::optional<int> copied(const int* value) {
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::vector<Difference> differences(const Map& before, const Map& after) {
  std::vector<Difference> out;
  Map::for_each_difference(before, after,
                           [&](const std::string& id, const int* was, const int* is) {
                             out.push_back({id, copied(was), copied(is)});
                           });
  return out;
}

TEST(PersistentMap, iterates_in_the_order_of_ids) {
  EXPECT_THAT(map_of({{"c", 3}, {"a", 1}, {"b", 2}}),
              ElementsAre(Pair("a", 1), Pair("b", 2), Pair("c", 3)));
  EXPECT_THAT(Map(), IsEmpty());
}

TEST(PersistentMap, a_map_stays_as_it_is_when_another_is_made_of_it) {
  const auto first = map_of({{"a", 1}});
  const auto second = first.with("a", 2).with("b", 3);
  const auto third = second.without("a");
  EXPECT_THAT(first, ElementsAre(Pair("a", 1)));
  EXPECT_THAT(second, ElementsAre(Pair("a", 2), Pair("b", 3)));
  EXPECT_THAT(third, ElementsAre(Pair("b", 3)));
}

TEST(PersistentMap, what_is_not_there_is_not_found_and_not_removed) {
  const auto map = map_of({{"b", 1}});
  EXPECT_EQ(map.find("a"), nullptr);
  EXPECT_EQ(map.find("c"), nullptr);
  EXPECT_EQ(*map.find("b"), 1);
  EXPECT_EQ(map.without("c").find("b"), map.find("b"));
}

TEST(PersistentMap, lower_bound_begins_a_range) {
  const auto map = map_of({{"a/1", 1}, {"a/2", 2}, {"b/1", 3}});
  EXPECT_EQ(map.lower_bound("a/")->first, "a/1");
  EXPECT_EQ(map.lower_bound("a/2")->first, "a/2");
  EXPECT_EQ(map.lower_bound("a/3")->first, "b/1");
  EXPECT_EQ(map.lower_bound("c"), map.end());
  EXPECT_EQ(map.upper_bound("a/1")->first, "a/2");
  EXPECT_EQ(map.upper_bound("a/11")->first, "a/2");
  EXPECT_EQ(map.upper_bound("b/1"), map.end());
  EXPECT_EQ(std::next(map.lower_bound("b")), map.end());
}

TEST(PersistentMap, tells_what_was_added_removed_and_set) {
  const auto before = map_of({{"a", 1}, {"b", 2}, {"c", 3}});
  const auto after = before.without("a").with("b", 2).with("d", 4);
  EXPECT_THAT(differences(before, after),
              ElementsAre(Difference{"a", 1, {}}, Difference{"b", 2, 2}, Difference{"d", {}, 4}));
  EXPECT_THAT(differences(before, before), IsEmpty());
  EXPECT_EQ(differences({}, before).size(), 3U);
  EXPECT_EQ(differences(before, {}).size(), 3U);
}

TEST(PersistentMap, agrees_with_a_model_whatever_is_done_to_it) {
  std::mt19937 random(1);  // NOLINT: the same every time
  const auto id = [&](int range) {
    return std::to_string(random() % static_cast<unsigned>(range));
  };
  for (const int range : {3, 40, 1000}) {
    Map map;
    Model model;
    auto old_map = map;
    auto old_model = model;
    for (int i = 0; i < 3000; ++i) {
      const auto key = id(range);
      if (random() % 3 == 0) {
        map = map.without(key);
        model.erase(key);
      } else {
        map = map.with(key, i);
        model.insert_or_assign(key, i);
      }
      if (i % 97 != 0) continue;
      ASSERT_TRUE(map.is_sound());
      ASSERT_EQ(map.size(), model.size());
      ASSERT_TRUE(std::equal(map.begin(), map.end(), model.begin(), model.end()));
      const auto probe = id(range);
      const auto bound = model.lower_bound(probe);
      const auto found = map.lower_bound(probe);
      ASSERT_EQ(found == map.end(), bound == model.end());
      if (bound != model.end()) {
        ASSERT_EQ(found->first, bound->first);
      }
      // Applying the difference to the older model makes the newer one.
      for (const auto& difference : differences(old_map, map)) {
        const auto was = old_model.find(difference.id);
        ASSERT_EQ(difference.before.has_value(), was != old_model.end());
        if (difference.after) {
          old_model.insert_or_assign(difference.id, *difference.after);
        } else {
          old_model.erase(difference.id);
        }
      }
      ASSERT_EQ(old_model, model);
      old_map = map;
    }
  }
}

TEST(PersistentMap, ids_in_any_order_leave_it_balanced) {
  Map map;
  for (int i = 0; i < 4096; ++i) map = map.with(fmt::format("{:05}", i), i);
  EXPECT_TRUE(map.is_sound());
  for (int i = 0; i < 4000; ++i) map = map.without(fmt::format("{:05}", i));
  EXPECT_TRUE(map.is_sound());
  EXPECT_EQ(map.size(), 96U);
}

TEST(PersistentMap, a_difference_of_large_maps_shows_only_what_changed) {
  Map map;
  for (int i = 0; i < 10'000; ++i) map = map.with(std::to_string(i), i);
  const auto changed = map.with("5000", -1).without("17").with("new", 1);
  EXPECT_THAT(differences(map, changed),
              ElementsAre(Difference{"17", 17, {}}, Difference{"5000", 5000, -1},
                          Difference{"new", {}, 1}));
}

}  // namespace
}  // namespace sluice::store
