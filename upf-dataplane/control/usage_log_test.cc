#include "upf-dataplane/control/usage_log.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

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
  // Until the file has so many octets.
  void settle(size_t octets) const {
    while (text().size() < octets) std::this_thread::yield();
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

TEST_F(UsageLogTest, goes_on_in_the_file_that_it_has_when_that_cannot_be_put_aside) {
  std::filesystem::create_directories(folder_ / "usage.1" / "in the way");
  {
    const auto log = UsageLog::open(options(1, 2)).value();
    for (const char* line : {"1\n", "2\n", "3\n"}) {
      log->append(line);
      settle(2 * static_cast<size_t>(line[0] - '0'));
    }
    EXPECT_EQ(text(), "1\n2\n3\n");
    std::filesystem::remove_all(folder_ / "usage.1");
    log->append("4\n");
  }
  EXPECT_EQ(text(), "4\n");
  EXPECT_EQ(text(1), "1\n2\n3\n");
}

TEST_F(UsageLogTest, goes_on_when_its_directory_is_back) {
  const auto log = UsageLog::open(options()).value();
  log->append("1\n");
  settle(2);
  std::filesystem::remove_all(folder_);
  log->append("lost\n");
  while (log->failures() == 0) std::this_thread::yield();
  std::filesystem::create_directory(folder_);
  log->append("3\n");
  settle(2);
  EXPECT_EQ(text(), "3\n");
}

TEST_F(UsageLogTest, leaves_no_part_of_a_line_when_the_disk_is_full) {
  std::signal(SIGXFSZ, SIG_IGN);
  const auto log = UsageLog::open(options()).value();
  log->append("1\n");
  settle(2);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{.rlim_cur = 5, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  log->append("too long\n");
  while (log->failures() == 0) std::this_thread::yield();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(text(), "1\n");
  log->append("3\n");
  settle(4);
  EXPECT_EQ(text(), "1\n3\n");
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
