#include "upf-dataplane/session/session_index.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <set>
#include <thread>
#include <unordered_map>

namespace sluice::upf {
namespace {

TEST(ConcurrentMap, does_what_a_map_does_through_churn) {
  ManualReclaimer reclaimer;
  ConcurrentMap<int> map(500, reclaimer);
  std::unordered_map<uint64_t, int*> model;
  std::vector<int> values(1000);
  std::mt19937 random(1);
  for (int step = 0; step < 200'000; ++step) {
    const uint64_t key = 1 + random() % 1000;
    if (random() % 2 == 0) {
      int* value = &values[random() % values.size()];
      const bool fits = model.contains(key) || model.size() < 500;
      ASSERT_EQ(map.set(key, value), fits) << step;
      if (fits) model[key] = value;
    } else {
      map.erase(key);
      model.erase(key);
    }
    if (step % 50 == 0) reclaimer.grace_period();
    if (step % 1000 == 0) {
      for (uint64_t k = 1; k <= 1000; ++k) {
        const auto found = model.find(k);
        ASSERT_EQ(map.find(k), found == model.end() ? nullptr : found->second) << step << " " << k;
      }
    }
  }
  EXPECT_EQ(map.size(), model.size());
  reclaimer.grace_period();  // before the map goes, as it asks
}

TEST(ConcurrentMap, keeps_a_place_unused_until_no_reader_can_hold_its_old_key) {
  ManualReclaimer reclaimer;
  ConcurrentMap<int> map(1, reclaimer);
  int value = 0;
  ASSERT_TRUE(map.set(1, &value));
  map.erase(1);
  EXPECT_EQ(map.find(1), nullptr);
  EXPECT_EQ(reclaimer.pending(), 1U);
  EXPECT_TRUE(map.set(2, &value));
  reclaimer.grace_period();
  EXPECT_EQ(map.find(2), &value);
}

// A reader must only ever see the value of the key it asked for, whatever the writer does.
TEST(ConcurrentMap, never_shows_a_reader_another_keys_value) {
  struct Item {
    uint64_t key;
  };
  std::vector<Item> items;
  for (uint64_t key = 0; key < 64; ++key) items.push_back({key});
  // Grace periods are counted by the reader itself: it holds nothing between two look-ups.
  class CountingReclaimer final : public Reclaimer {
   public:
    void retire(std::move_only_function<void()> free) override {
      const uint64_t seen = passes.load();
      while (passes.load() < seen + 2 && !done.load()) std::this_thread::yield();
      free();
    }
    std::atomic<uint64_t> passes{0};
    std::atomic<bool> done{false};
  } reclaimer;
  ConcurrentMap<Item> map(40, reclaimer);
  std::atomic<bool> wrong{false};
  std::thread reader([&] {
    std::mt19937 random(2);
    for (int i = 0; i < 200'000; ++i) {
      const uint64_t key = 1 + random() % 63;
      const Item* found = map.find(key);
      if (found != nullptr && found->key != key) wrong = true;
      reclaimer.passes.fetch_add(1);
    }
    reclaimer.done = true;
  });
  std::mt19937 random(3);
  while (!reclaimer.done) {
    const uint64_t key = 1 + random() % 63;
    if (random() % 2 == 0) {
      map.set(key, &items[key]);
    } else {
      map.erase(key);
    }
  }
  reader.join();
  EXPECT_FALSE(wrong);
}

TEST(SessionIndex, gives_out_every_tunnel_once_and_never_the_same_id_soon) {
  ManualReclaimer reclaimer;
  SessionIndex index(4, reclaimer);
  std::set<uint32_t> seen;
  for (int round = 0; round < 100; ++round) {
    std::vector<Teid> held;
    for (int i = 0; i < 4; ++i) {
      const auto teid = index.allocate_teid();
      ASSERT_TRUE(teid);
      EXPECT_NE(teid->value(), 0U);
      EXPECT_TRUE(seen.insert(teid->value()).second) << "reused in round " << round;
      held.push_back(*teid);
    }
    EXPECT_EQ(index.allocate_teid().error().code, ErrorCode::kResourceExhausted);
    for (const auto teid : held) index.release_teid(teid);
  }
}

TEST(SessionIndex, finds_nothing_by_an_earlier_generation_of_a_tunnel) {
  ManualReclaimer reclaimer;
  SessionIndex index(1, reclaimer);
  const auto session =
      Session::make({.version = 1, .slot = 0, .uplink = {}, .downlink = {}, .sdf = {}});
  const Teid old = *index.allocate_teid();
  index.set_teid(old, session.get());
  EXPECT_EQ(index.find_teid(old.value()), session.get());
  index.set_teid(old, nullptr);
  index.release_teid(old);
  const Teid next = *index.allocate_teid();
  index.set_teid(next, session.get());
  EXPECT_EQ(index.find_teid(old.value()), nullptr);
  EXPECT_EQ(index.find_teid(next.value()), session.get());
}

TEST(SessionIndex, keeps_tunnels_that_the_smf_chose_beside_its_own) {
  ManualReclaimer reclaimer;
  SessionIndex index(4, reclaimer);
  const auto ours =
      Session::make({.version = 1, .slot = 0, .uplink = {}, .downlink = {}, .sdf = {}});
  const auto theirs =
      Session::make({.version = 2, .slot = 1, .uplink = {}, .downlink = {}, .sdf = {}});
  const Teid own = *index.allocate_teid();
  const Teid foreign(own.value() + 4);  // the same slot, another generation
  ASSERT_TRUE(index.set_teid(own, ours.get()));
  ASSERT_TRUE(index.set_teid(foreign, theirs.get()));
  EXPECT_EQ(index.find_teid(own.value()), ours.get());
  EXPECT_EQ(index.find_teid(foreign.value()), theirs.get());
  index.set_teid(foreign, nullptr);
  EXPECT_EQ(index.find_teid(foreign.value()), nullptr);

  // One that was ours, and one that would be ours next.
  const Teid once = own;
  index.set_teid(own, nullptr);
  index.release_teid(own);
  ASSERT_TRUE(index.set_teid(once, theirs.get()));
  EXPECT_EQ(index.find_teid(once.value()), theirs.get());
  for (uint32_t slot = 0; slot < 3; ++slot) {
    ASSERT_TRUE(index.set_teid(Teid(once.value() + 4 + slot), theirs.get())) << slot;
  }
  for (int i = 0; i < 4; ++i) {
    const Teid next = *index.allocate_teid();
    EXPECT_EQ(index.find_teid(next.value()), nullptr) << next.value();
  }
  reclaimer.grace_period();  // before the index goes, as its maps ask
}

}  // namespace
}  // namespace sluice::upf
