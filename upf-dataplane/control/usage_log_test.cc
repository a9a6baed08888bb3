#include "upf-dataplane/control/usage_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace sluice::upf {
namespace {

class UsageLogTest : public ::testing::Test {
 protected:
  UsageLogTest()
      : folder_(std::filesystem::temp_directory_path() / fmt::format("usage-{}", getpid())) {
    std::filesystem::create_directory(folder_);
  }
  ~UsageLogTest() override { std::filesystem::remove_all(folder_); }

  UsageLogOptions options(uint64_t bytes = 1000, uint32_t files = 3) const {
    return {.path = path(), .bytes = bytes, .files = files};
  }
  std::string path(int number = 0) const {
    return (folder_ / (number == 0 ? "usage" : fmt::format("usage.{}", number))).string();
  }
  std::string text(int number = 0) const {
    std::ostringstream out;
    out << std::ifstream(path(number)).rdbuf();
    return out.str();
  }
  bool exists(int number) const { return std::filesystem::exists(path(number)); }

  std::filesystem::path folder_;
};

TEST_F(UsageLogTest, goes_on_where_an_earlier_life_ended) {
  for (const char* line : {"one\n", "two\n"}) {
    const auto log = UsageLog::open(options());
    ASSERT_TRUE(log);
    EXPECT_TRUE((*log)->append(line));
  }
  EXPECT_EQ(text(), "one\ntwo\n");
}

TEST_F(UsageLogTest, ends_a_line_that_a_crash_has_cut) {
  std::ofstream(path()) << "one\ntw";
  {
    const auto log = UsageLog::open(options());
    ASSERT_TRUE(log);
    (*log)->append("three\n");
  }
  EXPECT_EQ(text(), "one\ntw\nthree\n");
}

TEST_F(UsageLogTest, keeps_so_many_files_and_no_more) {
  for (const char* lines : {"1\n", "2\n", "3\n", "4\n", "5\n"}) {
    const auto log = UsageLog::open(options(1));  // full with the first line
    ASSERT_TRUE(log);
    (*log)->append(lines);
  }
  EXPECT_EQ(text(), "5\n");
  EXPECT_EQ(text(1), "4\n");
  EXPECT_EQ(text(2), "3\n");
  EXPECT_FALSE(exists(3));
}

TEST_F(UsageLogTest, keeps_one_file_alone) {
  for (const char* lines : {"1\n", "2\n"}) {
    const auto log = UsageLog::open(options(1, 1));
    ASSERT_TRUE(log);
    (*log)->append(lines);
  }
  EXPECT_EQ(text(), "2\n");
  EXPECT_FALSE(exists(1));
}

TEST_F(UsageLogTest, says_why_it_cannot_begin) {
  auto nowhere = options();
  nowhere.path = (folder_ / "missing" / "usage").string();
  const auto log = UsageLog::open(nowhere);
  ASSERT_FALSE(log);
  EXPECT_NE(log.error().message.find("No such file"), std::string::npos) << log.error().message;
}

}  // namespace
}  // namespace sluice::upf
