#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <fstream>

#include "base/store/sqlite.h"
#include "base/store/store.h"
#include "base/store/test_notes.h"

namespace sluice::store {
namespace {

using testing::HasSubstr;

class StoreFile : public testing::Test {
 protected:
  Result<std::unique_ptr<Store>> open(Schema schema = {}) {
    c_ = Notes::add_to(schema);
    return Store::open(directory_.file(), std::move(schema), clock_);
  }
  void make(const std::string& text) {
    auto store = open();
    ASSERT_TRUE((*store)->change([&](Transaction& t) -> Result<void> {
      t.put(c_.notes, "a", Note{text});
      return {};
    }));
  }
  void sql(const char* statement) const {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(directory_.file().c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, statement, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(db);
  }

  TestDirectory directory_;
  ManualClock clock_;
  Notes c_;
};

TEST_F(StoreFile, another_process_is_kept_out) {
  const auto first = open();
  ASSERT_TRUE(first);
  const auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message, HasSubstr("in use by another process"));
}

TEST_F(StoreFile, a_damaged_file_is_an_error_that_says_so) {
  std::ofstream(directory_.file(), std::ios::trunc) << std::string(8192, 'x');
  EXPECT_THAT(open().error().message, HasSubstr("test.db cannot be used"));
}

TEST_F(StoreFile, a_row_that_does_not_read_is_named) {
  make("1");
  const std::pair<const char*, const char*> cases[] = {
      {"UPDATE note SET value = '{}'", "note a does not read: text: is required"},
      {"UPDATE note SET value = '{'", "note a does not read: not JSON"},
  };
  for (const auto& [statement, message] : cases) {
    sql(statement);
    EXPECT_THAT(open().error().message, HasSubstr(message));
  }
}

TEST_F(StoreFile, a_newer_format_is_refused) {
  make("1");
  sql("PRAGMA user_version = 99");
  const auto result = open();
  EXPECT_EQ(result.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(result.error().message, HasSubstr("newer version"));
}

TEST_F(StoreFile, steps_bring_an_older_file_to_the_present_once) {
  make("1");
  int runs = 0;
  for (int i = 0; i < 2; ++i) {
    Schema schema;
    schema.add_step([&](Database& db) {
      ++runs;
      return db.execute("UPDATE note SET value = '{\"text\":\"migrated\"}'");
    });
    const auto store = open(std::move(schema));
    ASSERT_TRUE(store) << store.error().message;
    const auto now = (*store)->snapshot();
    EXPECT_EQ(now.find(c_.notes, "a")->value.text, "migrated");
  }
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(open().error().code, ErrorCode::kUnsupported);  // the older program
}

TEST_F(StoreFile, a_step_that_fails_changes_nothing) {
  make("1");
  Schema schema;
  schema.add_step([](Database& db) -> Result<void> {
    (void)db.execute("DELETE FROM note");
    return fail(ErrorCode::kInternal, "cannot");
  });
  EXPECT_THAT(open(std::move(schema)).error().message, HasSubstr("cannot"));
  const auto store = open();
  ASSERT_TRUE(store) << store.error().message;
  const auto now = (*store)->snapshot();
  EXPECT_EQ(now.find(c_.notes, "a")->value.text, "1");
}

TEST_F(StoreFile, a_collection_that_nobody_asks_for_is_kept) {
  make("1");
  {
    ASSERT_TRUE(Store::open(directory_.file(), Schema(), clock_));
  }
  const auto store = open();
  const auto now = (*store)->snapshot();
  EXPECT_NE(now.find(c_.notes, "a"), nullptr);
}

TEST(Statement, a_value_that_does_not_bind_fails_the_run_and_values_do_not_stay) {
  auto db = Database::open(":memory:");
  ASSERT_TRUE(db);
  ASSERT_TRUE(db->execute("CREATE TABLE t (v TEXT)"));
  auto put = db->prepare("INSERT INTO t VALUES (?)");
  ASSERT_TRUE(put);
  const auto failed = put->bind(1, "no such parameter").bind(0, "a").run();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kInternal);
  EXPECT_EQ(*db->single_integer("SELECT COUNT(*) FROM t"), 0);
  EXPECT_TRUE(put->bind(0, "b").run());
  EXPECT_TRUE(put->run());
  EXPECT_EQ(*db->single_integer("SELECT COUNT(*) FROM t WHERE v = 'b'"), 1);
  EXPECT_EQ(*db->single_integer("SELECT COUNT(*) FROM t WHERE v IS NULL"), 1);
}

TEST_F(StoreFile, names_that_collide_are_refused) {
  for (const auto* name : {"meta", "note", "no\"te", ""}) {
    Schema schema;
    schema.add<int>(name, nullptr, nullptr);
    EXPECT_THAT(open(std::move(schema)).error().message, HasSubstr("name of a collection")) << name;
  }
}

TEST_F(StoreFile, belongs_to_its_owner) {
  const auto path = directory_.path() + "/new/state/x.db";
  ASSERT_TRUE(Store::open(path, Schema(), clock_));
  struct stat info{};
  ASSERT_EQ(stat((directory_.path() + "/new/state").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

}  // namespace
}  // namespace sluice::store
