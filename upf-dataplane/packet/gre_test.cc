#include "upf-dataplane/packet/gre.h"

#include <gtest/gtest.h>

#include <vector>

#include "upf-dataplane/testing/frame_builder.h"

namespace sluice::upf {
namespace {

using Bytes = std::vector<uint8_t>;

TEST(Gre, parses_what_rfc_2784_and_2890_allow) {
  struct Case {
    const char* what;
    Bytes bytes;
    bool ok;
    std::optional<uint32_t> key;
    size_t header_bytes;
    bool is_v6;
  };
  for (const auto& c : std::vector<Case>{
           {"plain IPv4", {0, 0, 0x08, 0}, true, {}, 4, false},
           {"plain IPv6", {0, 0, 0x86, 0xdd}, true, {}, 4, true},
           {"a key", {0x20, 0, 0x08, 0, 1, 2, 3, 4}, true, 0x01020304, 8, false},
           {"key 0 is a key", {0x20, 0, 0x08, 0, 0, 0, 0, 0}, true, 0, 8, false},
           {"a sequence number", {0x10, 0, 0x08, 0, 0, 0, 0, 9}, true, {}, 8, false},
           {"both", {0x30, 0, 0x08, 0, 0, 0, 0, 5, 0, 0, 0, 9}, true, 5, 12, false},
           {"a checksum", {0x80, 0, 0x08, 0, 0x77, 0xff, 0, 0}, true, {}, 8, false},
           {"a wrong checksum", {0x80, 0, 0x08, 0, 0x77, 0xfe, 0, 0}, false, {}, 0, false},
           {"cut short", {0, 0, 0x08}, false, {}, 0, false},
           {"cut in the key", {0x20, 0, 0x08, 0, 1, 2, 3}, false, {}, 0, false},
           {"routing", {0x40, 0, 0x08, 0, 0, 0, 0, 0}, false, {}, 0, false},
           {"version 1, PPTP's", {0x20, 1, 0x88, 0x0b, 0, 0, 0, 0}, false, {}, 0, false},
           {"no IP in it", {0, 0, 0x65, 0x58}, false, {}, 0, false},
           {"nothing", {}, false, {}, 0, false},
       }) {
    const auto view = parse_gre(c.bytes);
    ASSERT_EQ(view.has_value(), c.ok) << c.what;
    if (!view) continue;
    EXPECT_EQ(view->key, c.key) << c.what;
    EXPECT_EQ(view->header_bytes, c.header_bytes) << c.what;
    EXPECT_EQ(view->payload_is_v6, c.is_v6) << c.what;
  }
}

TEST(Gre, changes_nothing_without_headroom) {
  Bytes room(60, 0x45);
  Packet packet{.data = room.data() + 23, .length = 20, .headroom = 23};
  const uint8_t address[16] = {};
  EXPECT_FALSE(encapsulate_gre(packet, {.source = address, .destination = address}));
  EXPECT_EQ(packet.length, 20U);
  EXPECT_EQ(packet.headroom, 23);
}

}  // namespace
}  // namespace sluice::upf
