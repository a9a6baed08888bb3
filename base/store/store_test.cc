#include "base/store/store.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <future>
#include <latch>
#include <thread>

#include "base/store/test_notes.h"

namespace sluice::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class StoreTest : public testing::Test {
 protected:
  StoreTest() { open(); }

  void open() {
    store_.reset();
    store_ = open_notes(directory_.file(), clock_, c_);
  }
  Result<void> write(const std::string& id, const std::string& text) {
    return store_->change([&](Transaction& t) -> Result<void> {
      t.put(c_.notes, id, Note{text});
      return {};
    });
  }
  // The text, or "-".
  std::string read(const std::string& id) const {
    const auto now = store_->snapshot();
    const auto* note = now.find(c_.notes, id);
    return note == nullptr ? "-" : note->value.text;
  }

  TestDirectory directory_;
  ManualClock clock_;
  Notes c_;
  std::unique_ptr<Store> store_;
};

// While it lives the disk is full.
class FullDisk {
 public:
  FullDisk() : handler_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit none{0, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &none);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, handler_);
  }

 private:
  sighandler_t handler_;
  rlimit before_{};
};

// Keeps the commit thread busy until it is let go.
class Stall {
 public:
  explicit Stall(Store& store) {
    std::promise<void> begun;
    store.submit([](Transaction&) -> Result<void> { return {}; },
                 [&begun, go = go_.get_future().share()](Result<void>) {
                   begun.set_value();
                   go.wait();
                 });
    begun.get_future().wait();
  }
  Stall(const Stall&) = delete;
  Stall& operator=(const Stall&) = delete;
  ~Stall() { go_.set_value(); }

 private:
  std::promise<void> go_;
};

TEST_F(StoreTest, remembers_after_reopening) {
  ASSERT_TRUE(write("a", "1"));
  ASSERT_TRUE(write("b", "2"));
  ASSERT_TRUE(write("a", "3"));
  ASSERT_TRUE(store_->change([&](Transaction& t) -> Result<void> {
    t.erase(c_.notes, "b");
    t.put(c_.numbers, "n", 7);
    return {};
  }));
  const auto source = store_->source();
  open();
  const auto now = store_->snapshot();
  EXPECT_EQ(read("a"), "3");
  EXPECT_EQ(read("b"), "-");
  EXPECT_EQ(now.find(c_.numbers, "n")->value, 7);
  EXPECT_EQ(now.find(c_.notes, "a")->revision, 3U);
  EXPECT_EQ(now.revision(), 4U);
  EXPECT_EQ(store_->source(), source);
}

TEST_F(StoreTest, a_revision_is_not_used_again_after_what_had_it_is_gone) {
  ASSERT_TRUE(write("a", "1"));
  ASSERT_TRUE(store_->change([&](Transaction& t) -> Result<void> {
    t.erase(c_.notes, "a");
    return {};
  }));
  open();
  ASSERT_TRUE(write("a", "1"));
  EXPECT_EQ(store_->snapshot().revision(), 3U);
}

TEST_F(StoreTest, a_change_sees_its_own_doing_and_what_it_read_stays_valid) {
  ASSERT_TRUE(write("a", "1"));
  ASSERT_TRUE(store_->change([&](Transaction& t) -> Result<void> {
    const auto* old = t.view().find(c_.notes, "a");
    for (const auto& [id, note] : t.view().of(c_.notes)) t.put(c_.notes, id + "+", note.value);
    t.put(c_.notes, "a", Note{"2"});
    EXPECT_EQ(old->value.text, "1");
    EXPECT_EQ(t.view().find(c_.notes, "a")->value.text, "2");
    EXPECT_EQ(t.view().find(c_.notes, "a")->revision, t.revision());
    EXPECT_TRUE(t.erase(c_.notes, "a"));
    EXPECT_FALSE(t.erase(c_.notes, "a"));
    EXPECT_EQ(t.now(), clock_.wall());
    return {};
  }));
  EXPECT_EQ(read("a"), "-");
  EXPECT_EQ(read("a+"), "1");
}

TEST_F(StoreTest, an_edit_that_fails_leaves_nothing) {
  const auto before = store_->snapshot();
  const auto result = store_->change([&](Transaction& t) -> Result<void> {
    t.put(c_.notes, "a", Note{"1"});
    return fail(ErrorCode::kConflict, "no");
  });
  EXPECT_EQ(result.error().code, ErrorCode::kConflict);
  EXPECT_EQ(store_->snapshot(), before);
  EXPECT_THROW((void)store_->change([&](Transaction& t) -> Result<void> {
    t.put(c_.notes, "a", Note{"1"});
    throw std::runtime_error("oh");
  }),
               std::runtime_error);
  EXPECT_EQ(store_->snapshot(), before);
  EXPECT_TRUE(write("a", "1"));
}

TEST_F(StoreTest, a_value_that_is_not_json_fails_its_own_change_only) {
  const auto result = write("a", "\xff");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(result.error().message, HasSubstr("note a: cannot be stored"));
  EXPECT_EQ(read("a"), "-");
  EXPECT_TRUE(write("b", "1"));
}

TEST_F(StoreTest, a_snapshot_stays_as_it_is) {
  ASSERT_TRUE(write("a", "1"));
  const auto before = store_->snapshot();
  ASSERT_TRUE(write("a", "2"));
  EXPECT_EQ(before.find(c_.notes, "a")->value.text, "1");
  EXPECT_EQ(read("a"), "2");
}

TEST_F(StoreTest, changes_that_come_together_are_published_together_and_answered_in_order) {
  std::vector<std::pair<uint64_t, uint64_t>> heard;
  store_->add_listener([&](const Snapshot& before, const Snapshot& after) {
    heard.emplace_back(before.revision(), after.revision());
  });
  std::vector<int> order;
  std::latch all(3);
  {
    const Stall stall(*store_);
    for (int i = 0; i < 3; ++i) {
      store_->submit(
          [&](Transaction& t) -> Result<void> {
            EXPECT_EQ(t.view().of(c_.notes).size(),
                      static_cast<size_t>(i));  // builds on the others
            t.put(c_.notes, std::to_string(i), Note{"x"});
            return {};
          },
          [&, i](Result<void> result) {
            EXPECT_TRUE(result);
            EXPECT_NE(read(std::to_string(i)), "-");  // published before anybody is told
            order.push_back(i);
            all.count_down();
          });
      EXPECT_EQ(read(std::to_string(i)), "-");  // not durable yet
    }
  }
  all.wait();
  EXPECT_THAT(order, ElementsAre(0, 1, 2));
  EXPECT_THAT(heard, ElementsAre(testing::Pair(0, 3)));
}

TEST_F(StoreTest, an_answer_that_rests_on_a_pending_change_waits_for_it) {
  std::vector<std::string> told;
  std::latch all(2);
  {
    const Stall stall(*store_);
    store_->submit(
        [&](Transaction& t) -> Result<void> {
          t.put(c_.notes, "a", Note{"1"});
          return {};
        },
        [&](Result<void>) { told.push_back("written"), all.count_down(); });
    store_->submit([](Transaction&) -> Result<void> { return {}; },  // found it as wanted
                   [&](Result<void>) { told.push_back("found"), all.count_down(); });
    EXPECT_THAT(told, testing::IsEmpty());
  }
  all.wait();
  EXPECT_THAT(told, ElementsAre("written", "found"));
}

TEST_F(StoreTest, when_a_write_fails_all_that_is_pending_fails_and_the_next_change_works) {
  ASSERT_TRUE(write("a", "1"));
  std::vector<Result<void>> told;
  std::latch all(2);
  {
    const FullDisk full;
    {
      const Stall stall(*store_);
      for (const auto* text : {"2", "3"}) {
        store_->submit(
            [&](Transaction& t) -> Result<void> {
              t.put(c_.notes, "a", Note{text});
              return {};
            },
            [&](Result<void> result) { told.push_back(result), all.count_down(); });
      }
    }
    all.wait();
  }
  for (const auto& result : told) {
    ASSERT_FALSE(result);
    // Nothing of our inside.
    EXPECT_EQ(result.error().to_string(), "the platform cannot store this; its log says why");
  }
  EXPECT_EQ(read("a"), "1");
  ASSERT_TRUE(store_->change([&](Transaction& t) -> Result<void> {
    EXPECT_EQ(t.view().find(c_.notes, "a")->value.text, "1");
    t.put(c_.notes, "a", Note{"4"});
    return {};
  }));
  EXPECT_EQ(read("a"), "4");
  open();
  EXPECT_EQ(read("a"), "4");
}

TEST_F(StoreTest, what_is_pending_is_written_before_it_closes) {
  std::atomic<int> told = 0;
  {
    const Stall stall(*store_);
    for (int i = 0; i < 5; ++i) {
      store_->submit(
          [&](Transaction& t) -> Result<void> {
            t.put(c_.notes, std::to_string(i), Note{"x"});
            return {};
          },
          [&](Result<void> result) { told += result ? 1 : 0; });
    }
  }
  open();
  EXPECT_EQ(told, 5);
  const auto now = store_->snapshot();
  EXPECT_EQ(now.of(c_.notes).size(), 5U);
}

TEST_F(StoreTest, closing_writes_and_tells_what_is_pending_and_refuses_what_comes_later) {
  std::vector<std::string> told;
  const auto put = [&](const std::string& id) {
    return [&, id](Transaction& t) -> Result<void> {
      t.put(c_.notes, id, Note{"x"});
      return {};
    };
  };
  {
    const Stall stall(*store_);
    store_->submit(put("a"), [&](Result<void> a) {
      told.push_back(a ? "a" : "failed");
      store_->submit(put("b"), [&](Result<void> b) { told.push_back(b ? "b" : "failed"); });
    });
  }
  store_->close();
  EXPECT_THAT(told, ElementsAre("a", "b"));
  store_->submit([](Transaction&) -> Result<void> { throw std::logic_error("ran"); },
                 [&](Result<void> c) {
                   ASSERT_FALSE(c);
                   EXPECT_EQ(c.error().code, ErrorCode::kUnavailable);
                   told.push_back("c");
                 });
  EXPECT_THAT(told, ElementsAre("a", "b", "c"));
  EXPECT_FALSE(write("d", "x"));
  store_->close();
  EXPECT_EQ(read("a"), "x");
  open();
  EXPECT_EQ(read("b"), "x");
}

TEST_F(StoreTest, a_listener_may_be_added_while_changes_are_written) {
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    while (!stop) EXPECT_TRUE(write("a", "1"));
  });
  std::atomic<int> heard = 0;
  for (int i = 0; i < 100; ++i) {
    store_->add_listener([&](const Snapshot&, const Snapshot&) { ++heard; });
  }
  while (heard == 0) std::this_thread::yield();
  stop = true;
  writer.join();
  heard = 0;
  EXPECT_TRUE(write("a", "2"));
  EXPECT_EQ(heard, 100);
}

TEST_F(StoreTest, threads_count_together_without_losing_one) {
  ASSERT_TRUE(store_->change([&](Transaction& t) -> Result<void> {
    t.put(c_.numbers, "n", 0);
    return {};
  }));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) {
        EXPECT_TRUE(store_->change([&](Transaction& t) -> Result<void> {
          t.put(c_.numbers, "n", t.view().find(c_.numbers, "n")->value + 1);
          return {};
        }));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  open();
  const auto now = store_->snapshot();
  EXPECT_EQ(now.find(c_.numbers, "n")->value, 200);
}

}  // namespace
}  // namespace sluice::store
