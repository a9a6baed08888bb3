#include "base/utf8.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Utf8, OctetsThatAreNoneAreFoundAndReplaced) {
  const struct {
    std::string_view text;
    size_t at;
    std::string_view replaced;
  } cases[] = {{"", 0, ""},      {"größe €", 11, "größe €"},     {"a\xff", 1, "a?"},
               {"\xc3", 0, "?"}, {"é\xe2\x82x\xa9", 2, "é??x?"}, {"\xed\xa0\x80", 0, "???"}};
  for (const auto& c : cases) {
    EXPECT_EQ(find_no_utf8(c.text), c.at) << c.text;
    EXPECT_EQ(as_utf8(std::string(c.text)), c.replaced) << c.text;
  }
}

}  // namespace
}  // namespace sluice
