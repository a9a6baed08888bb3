#include "lab/delay_line.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace sluice::lab {
namespace {

using std::chrono::milliseconds;

constexpr DelayLine::TimePoint kStart{std::chrono::hours(1)};

std::vector<uint8_t> frame(uint8_t content, size_t size = 60) {
  return std::vector<uint8_t>(size, content);
}

// The first octets of what is due, which is then taken out.
std::vector<uint8_t> drain(DelayLine& line, DelayLine::TimePoint now) {
  std::array<Bytes, 4> out;
  std::vector<uint8_t> seen;
  while (const size_t count = line.due(out, now)) {
    for (size_t i = 0; i < count; ++i) seen.push_back(out[i][0]);
    line.pop(count);
  }
  return seen;
}

TEST(DelayLine, HoldsAFrameForExactlyTheDelay) {
  DelayLine line(milliseconds(20), 8);
  ASSERT_TRUE(line.push(frame(1), kStart));
  EXPECT_EQ(line.next_due(), kStart + milliseconds(20));
  EXPECT_TRUE(drain(line, kStart + milliseconds(19)).empty());
  EXPECT_EQ(drain(line, kStart + milliseconds(20)), std::vector<uint8_t>{1});
  EXPECT_EQ(line.next_due(), std::nullopt);
}

TEST(DelayLine, KeepsOrderAcrossItsWrapAround) {
  DelayLine line(milliseconds(1), 5);
  uint8_t next_in = 0;
  uint8_t next_out = 0;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(line.push(frame(next_in++), kStart));
    for (const auto content : drain(line, kStart + milliseconds(1))) {
      EXPECT_EQ(content, next_out++);
    }
  }
  EXPECT_EQ(next_out, next_in);
}

TEST(DelayLine, RefusesWhatDoesNotFitAndKeepsTheRest) {
  DelayLine line(milliseconds(1), 2);
  EXPECT_FALSE(line.push(frame(9, DelayLine::kMaxFrame + 1), kStart));
  EXPECT_TRUE(line.push(frame(1), kStart));
  EXPECT_TRUE(line.push(frame(2, DelayLine::kMaxFrame), kStart));
  EXPECT_FALSE(line.push(frame(3), kStart));
  EXPECT_EQ(line.size(), 2U);
  EXPECT_EQ(drain(line, kStart + milliseconds(1)), (std::vector<uint8_t>{1, 2}));
}

}  // namespace
}  // namespace sluice::lab
