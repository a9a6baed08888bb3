#include "upf-dataplane/session/session_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "upf-dataplane/session/session.h"

namespace sluice::upf {
namespace {

TEST(SessionMemory, uses_what_was_given_back) {
  SessionMemory memory;
  std::set<void*> first;
  for (int i = 0; i < 20'000; ++i) first.insert(memory.allocate(192, 64));
  EXPECT_EQ(first.size(), 20'000U);
  for (void* piece : first) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(piece) % 64, 0U);
    std::memset(piece, 0xee, 192);
    memory.deallocate(piece, 192, 64);
  }
#ifndef __SANITIZE_ADDRESS__
  EXPECT_TRUE(first.contains(memory.allocate(192, 64)));
#endif
}

TEST(SessionMemory, takes_large_pieces_from_the_heap) {
  SessionMemory memory;
  void* piece = memory.allocate(1 << 20, 64);
  std::memset(piece, 1, 1 << 20);
  memory.deallocate(piece, 1 << 20, 64);
}

TEST(Session, keeps_the_pdrs_of_both_directions_in_their_order) {
  SessionMemory memory;
  Session::Parts parts{.version = 7, .slot = 3};
  for (uint16_t id = 1; id <= 3; ++id) parts.uplink.emplace_back().id = id;
  for (uint16_t id = 11; id <= 12; ++id) parts.downlink.emplace_back().id = id;
  const auto session = Session::make(parts, memory);
  for (uint16_t i = 0; i < 3; ++i) EXPECT_EQ(session->uplink_pdr(i).id, 1 + i);
  for (uint16_t i = 0; i < 2; ++i) EXPECT_EQ(session->downlink_pdr(i).id, 11 + i);
  EXPECT_EQ(session->uplink_pdrs().size(), 3U);
  EXPECT_EQ(session->downlink_pdrs().size(), 2U);
  EXPECT_EQ(session->downlink_pdrs().back().id, 11U);
  EXPECT_EQ(session->bytes(), 6 * sizeof(CompiledPdr));
}

}  // namespace
}  // namespace sluice::upf
