// What the mode inline believes of the tunnels that it sees, and when it forgets.
#include "upf-dataplane/control/tunnel_learner.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using testing::TestSite;
using Kind = TunnelSight::Kind;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::array<uint8_t, 16> address(const char* text) { return IpAddress::parse(text)->v6().bytes(); }

struct User {
  const char* ue = "10.45.0.2";
  const char* core = "172.16.0.1";
  const char* gnb = "172.16.0.2";
  uint32_t up = 0x100;
  uint32_t down = 0x200;
};

class LearnerTest : public ::testing::Test {
 protected:
  LearnerTest() : site(UpfMode::kInline), learner(*site.learner) {}

  TunnelSight sight(Kind kind, const User& who) const {
    TunnelSight out;
    out.kind = kind;
    out.teid = kind == Kind::kUplink ? who.up : who.down;
    out.owner.core = address(who.core);
    if (kind != Kind::kEnded) out.owner.ue = address(who.ue);
    out.ran = address(who.gnb);
    out.link.bytes = 14;
    return out;
  }
  void see(Kind kind, const User& who) {
    const auto what = sight(kind, who);
    site.clock.advance(milliseconds(5));
    learner.queue(0)->tell(what, site.shared.learned->key_of(what.owner), site.ticks());
    learner.learn();
  }
  void meet(const User& who) {
    see(Kind::kUplink, who);
    see(Kind::kDownlink, who);
  }
  const LearnedTunnel* known(const User& who) const {
    const TunnelOwner owner{address(who.core), address(who.ue)};
    return site.shared.learned->find(site.shared.learned->key_of(owner), owner);
  }
  bool is_steerable(const User& who) const {
    const LearnedTunnel* tunnel = known(who);
    return tunnel != nullptr && tunnel->is_steerable;
  }
  // Whether packets to the address lead to the who.
  bool leads_to(const char* ue, const User& who) const {
    uint32_t raw;
    std::memcpy(&raw, address(ue).data() + 12, 4);
    const Session* session = site.shared.sessions.find_v4(raw);
    return session != nullptr && known(who) != nullptr && session->slot() == known(who)->slot;
  }

  TestSite site;
  TunnelLearner& learner;
  const User user;
};

TEST_F(LearnerTest, knows_a_user_when_both_ways_are_known) {
  see(Kind::kUplink, user);
  EXPECT_FALSE(is_steerable(user));
  see(Kind::kDownlink, user);
  EXPECT_TRUE(is_steerable(user));
  EXPECT_TRUE(leads_to(user.ue, user));
  EXPECT_EQ(learner.steerable(), 1U);
}

TEST_F(LearnerTest, follows_a_handover_whichever_way_shows_it_first) {
  User moved = user;
  moved.gnb = "172.16.0.3";
  moved.down = 0x300;
  meet(user);
  see(Kind::kDownlink, moved);
  EXPECT_EQ(known(user)->downlink.teid, 0x300U);
  see(Kind::kUplink, moved);
  EXPECT_TRUE(is_steerable(user));
  EXPECT_EQ(known(user)->uplink_ran, address("172.16.0.3"));

  // Back again: now the user is seen there before the core has sent anything.
  see(Kind::kUplink, user);
  EXPECT_FALSE(is_steerable(user));
  EXPECT_FALSE(leads_to(user.ue, user));
  see(Kind::kDownlink, user);
  EXPECT_TRUE(is_steerable(user));
  EXPECT_EQ(known(user)->downlink.teid, user.down);
}

TEST_F(LearnerTest, another_uplink_tunnel_makes_the_downlink_one_doubtful) {
  meet(user);
  User again = user;
  again.up = 0x101;
  see(Kind::kUplink, again);
  EXPECT_EQ(known(user)->uplink_teid, 0x101U);
  EXPECT_FALSE(is_steerable(user));
  see(Kind::kDownlink, again);
  EXPECT_TRUE(is_steerable(user));
}

TEST_F(LearnerTest, a_tunnel_that_ends_is_used_no_more) {
  meet(user);
  User stranger = user;
  stranger.core = "172.16.0.9";
  see(Kind::kEnded, stranger);  // another core's word
  EXPECT_TRUE(is_steerable(user));
  see(Kind::kEnded, user);
  EXPECT_FALSE(is_steerable(user));
  see(Kind::kDownlink, user);
  EXPECT_TRUE(is_steerable(user));
}

TEST_F(LearnerTest, a_tunnel_belongs_to_whose_packets_were_seen_in_it_last) {
  meet(user);
  User other = user;
  other.ue = "10.45.0.3";
  other.up = 0x111;
  meet(other);  // the base station has given the tunnel to another user
  EXPECT_FALSE(is_steerable(user));
  EXPECT_TRUE(is_steerable(other));
}

TEST_F(LearnerTest, both_addresses_of_one_session_share_its_tunnels) {
  User six = user;
  six.ue = "fd45:0:0:2::";
  meet(user);
  meet(six);
  EXPECT_TRUE(is_steerable(user));
  EXPECT_TRUE(is_steerable(six));
}

TEST_F(LearnerTest, users_of_two_cores_with_one_address_are_not_steered) {
  User other = user;
  other.core = "172.16.0.9";
  other.up = 0x700;
  other.down = 0x800;
  meet(user);
  meet(other);
  EXPECT_FALSE(is_steerable(user));
  EXPECT_FALSE(is_steerable(other));
  EXPECT_FALSE(leads_to(user.ue, user));
  EXPECT_FALSE(leads_to(user.ue, other));
  // One of them goes: the other is alone with the address again.
  for (int i = 0; i < 12; ++i) {
    site.counters.worker(0).seen[known(user)->slot].add(1);
    site.pass(seconds(1));
    learner.tick();
  }
  EXPECT_EQ(known(other), nullptr);
  EXPECT_TRUE(is_steerable(user));
  EXPECT_TRUE(leads_to(user.ue, user));
}

TEST_F(LearnerTest, who_is_known_by_one_way_only_is_nobodys_rival) {
  meet(user);
  User invented = user;  // somebody sends in the user's name to where no core is
  invented.core = "192.0.2.1";
  see(Kind::kUplink, invented);
  User forwarding = user;  // data forwarding from the base station that the user was at before
  forwarding.core = "172.16.0.77";
  forwarding.down = 0x900;
  see(Kind::kDownlink, forwarding);
  EXPECT_TRUE(is_steerable(user));
  EXPECT_TRUE(leads_to(user.ue, user));

  // A rival whose tunnel ends is one no more, whichever of them was known first.
  User rival = user;
  rival.core = "172.16.0.9";
  rival.down = 0x800;
  meet(rival);
  EXPECT_FALSE(is_steerable(user));
  EXPECT_FALSE(is_steerable(rival));
  see(Kind::kEnded, rival);
  EXPECT_TRUE(is_steerable(user));
  EXPECT_TRUE(leads_to(user.ue, user));
  see(Kind::kDownlink, rival);
  EXPECT_FALSE(leads_to(user.ue, user));
  see(Kind::kEnded, user);
  EXPECT_TRUE(is_steerable(rival));
  EXPECT_TRUE(leads_to(user.ue, rival));
}

TEST_F(LearnerTest, an_address_has_few_owners_and_room_for_those_the_core_knows) {
  User invented = user;
  for (uint32_t i = 0; i < 100; ++i) {
    const auto core = "192.0.2." + std::to_string(i + 1);
    invented.core = core.c_str();
    see(Kind::kUplink, invented);
  }
  EXPECT_EQ(learner.size(), 8U);
  see(Kind::kUplink, user);
  EXPECT_EQ(known(user), nullptr);
  see(Kind::kDownlink, user);  // in the place of an invented one
  see(Kind::kUplink, user);
  EXPECT_TRUE(is_steerable(user));
  EXPECT_TRUE(leads_to(user.ue, user));
  EXPECT_EQ(learner.size(), 8U);
}

TEST_F(LearnerTest, forgets_who_is_silent_and_gives_the_place_to_others) {
  meet(user);
  const uint32_t slot = known(user)->slot;
  site.pass(seconds(8));
  EXPECT_TRUE(is_steerable(user));
  site.counters.worker(0).seen[slot].add(1);
  site.pass(seconds(9));
  EXPECT_TRUE(is_steerable(user));
  site.pass(seconds(3));
  EXPECT_EQ(known(user), nullptr);
  EXPECT_EQ(learner.size(), 0U);
  EXPECT_EQ(learner.statistics().forgotten, 1U);
  site.grace_period();
  EXPECT_EQ(site.counters.worker(0).seen[slot].get(), 0U);
}

TEST_F(LearnerTest, is_bounded_and_keeps_room_for_those_the_core_knows) {
  User spoofed = user;
  for (uint32_t i = 0; i < 200; ++i) {
    const auto ue = TestSite::ue_v4(1000 + i).to_string();
    spoofed.ue = ue.c_str();
    see(Kind::kUplink, spoofed);
  }
  EXPECT_EQ(learner.size(), 64U / 4 + 1);
  see(Kind::kDownlink, user);
  see(Kind::kUplink, user);
  EXPECT_TRUE(is_steerable(user));
  for (uint32_t i = 0; i < 200; ++i) {
    const auto ue = TestSite::ue_v4(2000 + i).to_string();
    spoofed.ue = ue.c_str();
    spoofed.down = 0x9000 + i;
    see(Kind::kDownlink, spoofed);
  }
  EXPECT_EQ(learner.size(), 64U);
  EXPECT_GT(learner.statistics().refused, 0U);
}

TEST_F(LearnerTest, does_not_learn_the_sites_own_networks) {
  User app = user;
  app.ue = "10.60.0.10";
  meet(app);
  EXPECT_EQ(known(app), nullptr);
}

TEST_F(LearnerTest, takes_what_several_workers_saw_in_the_order_in_which_it_passed) {
  TunnelLearner two(site.shared, site.reclaimer, site.counters, site.clock, seconds(10), 2);
  const uint64_t key = site.shared.learned->key_of(sight(Kind::kDownlink, user).owner);
  User moved = user;
  moved.down = 0x300;
  two.queue(0)->tell(sight(Kind::kDownlink, moved), key, 2'000'000'000);
  two.queue(1)->tell(sight(Kind::kDownlink, user), key, 1'000'000'000);
  two.learn();
  EXPECT_EQ(known(user)->downlink.teid, 0x300U);
}

TEST(SightQueue, tells_a_thing_once_and_loses_what_it_has_no_room_for) {
  SightQueue queue(1'000'000'000);
  TunnelSight sight;
  const auto drained = [&] {
    size_t count = 0;
    queue.drain([&](const auto&) { ++count; });
    return count;
  };
  for (int i = 0; i < 10; ++i) queue.tell(sight, 7, 1'000'000'000);
  EXPECT_EQ(drained(), 1U);
  queue.tell(sight, 7, 1'010'000'000);
  EXPECT_EQ(drained(), 1U);
  for (uint32_t i = 0; i < 5000; ++i) {
    sight.teid = i;
    queue.tell(sight, 7, 2'000'000'000);
  }
  EXPECT_EQ(drained(), 1024U);
  EXPECT_EQ(queue.lost(), 5000U - 1024U);
}

}  // namespace
}  // namespace sluice::upf
