#include "cli/table.h"

#include <gmock/gmock.h>

#include "cli/progress.h"

namespace sluice::cli {
namespace {

TEST(Table, ColumnsAreAsWideAsTheirWidestCell) {
  Table table({"ID", "APP", "STATE"});
  table.add({"1", "vidéo", "ONBOARDED"});
  table.add({"22", "a", ""});
  EXPECT_EQ(table.text(),
            "ID  APP    STATE\n"
            "1   vidéo  ONBOARDED\n"
            "22  a      \n");
}

TEST(Table, TextsOfOthersCannotSteerTheTerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\n\x7f\xc2\x9b"), "a?[2Jb???");
  EXPECT_EQ(printable("größe"), "größe");
  EXPECT_EQ(printable_lines("a\x1b[2J\n\nb\rc\n"), "a?[2J\n\nb?c\n");
}

TEST(Table, FieldsStandBelowEachOther) {
  EXPECT_EQ(fields_text({{"id", "1"}, {"provider", ""}, {"state", "x\ty"}}),
            "id:     1\n"
            "state:  x?y\n");
}

TEST(SizeText, HasUnitsThatFit) {
  for (const auto& [octets, text] :
       std::vector<std::pair<uint64_t, std::string>>{{0, "0 B"},
                                                     {999, "999 B"},
                                                     {1000, "1.0 kB"},
                                                     {999'949, "999.9 kB"},
                                                     {999'950, "1.0 MB"},
                                                     {2'147'483'648, "2.1 GB"},
                                                     {5'000'000'000'000'000, "5000.0 TB"}}) {
    EXPECT_EQ(size_text(octets), text) << octets;
  }
}

}  // namespace
}  // namespace sluice::cli
