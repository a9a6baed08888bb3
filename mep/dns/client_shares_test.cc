#include "mep/dns/client_shares.h"

#include <gmock/gmock.h>

namespace sluice::mep::dns {
namespace {

using testing::Eq;
using testing::Optional;

IpAddress at(const char* text) { return share_of(*IpAddress::parse(text)); }

TEST(ClientShares, belong_to_an_address_or_a_network_of_ipv6) {
  EXPECT_NE(at("192.0.2.1"), at("192.0.2.2"));
  EXPECT_EQ(at("2001:db8::1"), at("2001:db8::ffff:1"));
  EXPECT_NE(at("2001:db8::1"), at("2001:db8:0:1::1"));
}

TEST(ClientShares, the_one_with_most_makes_room_unless_it_is_no_gain) {
  const auto greedy = at("192.0.2.1");
  const auto modest = at("192.0.2.2");
  const auto fresh = at("192.0.2.3");
  ClientShares shares;
  EXPECT_EQ(shares.who_makes_room_for(fresh), std::nullopt);
  shares.add(modest);
  EXPECT_EQ(shares.who_makes_room_for(fresh), std::nullopt);  // it would only change places
  for (int i = 0; i < 3; ++i) shares.add(greedy);
  EXPECT_THAT(shares.who_makes_room_for(fresh), Optional(Eq(greedy)));
  EXPECT_THAT(shares.who_makes_room_for(modest), Optional(Eq(greedy)));
  EXPECT_EQ(shares.who_makes_room_for(greedy), std::nullopt);
  shares.remove(greedy);
  EXPECT_EQ(shares.who_makes_room_for(modest), std::nullopt);
  EXPECT_THAT(shares.who_makes_room_for(fresh), Optional(Eq(greedy)));
}

TEST(ClientShares, nothing_is_kept_of_those_who_ask_nothing) {
  ClientShares shares;
  shares.add(at("192.0.2.1"));
  shares.remove(at("192.0.2.1"));
  shares.remove(at("192.0.2.1"));
  EXPECT_EQ(shares.of(at("192.0.2.1")), 0U);
  EXPECT_EQ(shares.who_makes_room_for(at("192.0.2.2")), std::nullopt);
}

}  // namespace
}  // namespace sluice::mep::dns
