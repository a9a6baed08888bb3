#include "base/http/byte_range.h"

namespace sluice::http {
namespace {

TEST(ByteRange, AsksForAPartOrForNothingThatIsThereOrIsIgnored) {
  struct Case {
    const char* header;
    uint64_t size;
    RangeVerdict verdict;
    uint64_t first = 0, last = 0;
  };
  const auto kPart = RangeVerdict::kPart;
  const auto kWhole = RangeVerdict::kWhole;
  const auto kNothing = RangeVerdict::kNothing;
  for (const Case& c : std::vector<Case>{
           {"bytes=0-9", 100, kPart, 0, 9},
           {"Bytes=5-", 100, kPart, 5, 99},
           {"bytes=-5", 100, kPart, 95, 99},
           {"bytes=-500", 100, kPart, 0, 99},
           {"bytes=90-500", 100, kPart, 90, 99},
           {"bytes=100-", 100, kNothing},
           {"bytes=-0", 100, kNothing},
           {"bytes=0-", 0, kNothing},
           {"bytes=-1", 0, kNothing},
           {"bytes=5-4", 100, kWhole},
           {"bytes=0-1,3-4", 100, kWhole},
           {"bytes=", 100, kWhole},
           {"bytes=-", 100, kWhole},
           {"bytes=a-b", 100, kWhole},
           {"bytes=99999999999999999999-", 100, kWhole},
           {"lines=0-1", 100, kWhole},
           {"", 100, kWhole},
       }) {
    ByteRange range;
    EXPECT_EQ(parse_range(c.header, c.size, range), c.verdict) << c.header;
    if (c.verdict != kPart) continue;
    EXPECT_EQ(range.first, c.first) << c.header;
    EXPECT_EQ(range.last, c.last) << c.header;
  }
}

}  // namespace
}  // namespace sluice::http
