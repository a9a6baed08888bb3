#include "base/huge_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace sluice {
namespace {

class HugeMemory : public testing::TestWithParam<size_t> {};

TEST_P(HugeMemory, IsZeroedAlignedAndWholeToItsEnd) {
  HugeVector<uint8_t> bytes(GetParam());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes.data()) % 64, 0U);
  EXPECT_TRUE(std::ranges::all_of(bytes, [](uint8_t b) { return b == 0; }));
  std::ranges::fill(bytes, uint8_t{0xff});
  EXPECT_EQ(bytes.back(), 0xff);
}

INSTANTIATE_TEST_SUITE_P(Sizes, HugeMemory,
                         testing::Values(1, 4096, (2 << 17) - 1, 2 << 17, (2 << 20) - 1, 2 << 20,
                                         (2 << 20) + 1, (6 << 20) + 4097));

}  // namespace
}  // namespace sluice
