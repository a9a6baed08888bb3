#include "base/http/http2_memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <vector>

namespace sluice::http {
namespace {

class Http2MemoryTest : public testing::Test {
 protected:
  void* take(size_t size) { return functions_.malloc(size, functions_.mem_user_data); }
  void* take_zeroed(size_t count, size_t size) {
    return functions_.calloc(count, size, functions_.mem_user_data);
  }
  void* resize(void* memory, size_t size) {
    return functions_.realloc(memory, size, functions_.mem_user_data);
  }
  void give_back(void* memory) { functions_.free(memory, functions_.mem_user_data); }

  Http2Memory memory_;
  nghttp2_mem functions_ = memory_.functions();
};

TEST_F(Http2MemoryTest, BlocksOfAllSizesAreWholeAndApart) {
  std::vector<std::pair<void*, size_t>> blocks;
  for (size_t size = 0; size <= 3000; size += 7) blocks.emplace_back(take(size), size);
  for (size_t i = 0; i < blocks.size(); ++i) {
    std::memset(blocks[i].first, static_cast<int>(i & 0xff), blocks[i].second);
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    const auto* octets = static_cast<const uint8_t*>(blocks[i].first);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(octets) % alignof(std::max_align_t), 0U);
    for (size_t at = 0; at < blocks[i].second; ++at) ASSERT_EQ(octets[at], i & 0xff);
  }
  for (const auto& [block, size] : blocks) give_back(block);
}

TEST_F(Http2MemoryTest, WhatWasGivenBackIsUsedAgainAndZeroedWhereThatIsAsked) {
  void* const first = take(100);
  std::memset(first, 0xff, 100);
  give_back(first);
  auto* const again = static_cast<uint8_t*>(take_zeroed(10, 12));  // of the same class
  EXPECT_EQ(again, first);
  for (size_t i = 0; i < 120; ++i) ASSERT_EQ(again[i], 0);
  give_back(again);
}

TEST_F(Http2MemoryTest, GrowingKeepsWhatIsThere) {
  void* memory = resize(nullptr, 10);
  std::memcpy(memory, "0123456789", 10);
  for (const size_t size : {64UL, 65UL, 1024UL, 1025UL, 100'000UL}) {
    memory = resize(memory, size);
    EXPECT_EQ(std::memcmp(memory, "0123456789", 10), 0);
  }
  give_back(memory);
  give_back(nullptr);
}

TEST_F(Http2MemoryTest, MoreThanThereCanBeIsRefused) {
  EXPECT_EQ(take(SIZE_MAX), nullptr);
  EXPECT_EQ(take_zeroed(SIZE_MAX / 2, 3), nullptr);
  void* const kept = take(10);
  EXPECT_EQ(resize(kept, SIZE_MAX - 8), nullptr);
  give_back(kept);
}

TEST_F(Http2MemoryTest, AfterAReleaseThereIsMemoryAgain) {
  std::vector<void*> blocks;
  for (int i = 0; i < 100; ++i) blocks.push_back(take(200));
  for (void* block : blocks) give_back(block);
  memory_.release();
  void* const block = take(200);
  ASSERT_NE(block, nullptr);
  give_back(block);
}

}  // namespace
}  // namespace sluice::http
