#include "mep/metering/usage_meter.h"

#include <gmock/gmock.h>

#include <future>
#include <set>

#include "auth/token_service.h"
#include "base/store/test_notes.h"
#include "mep/test_apps.h"

namespace sluice::mep {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;

class UsageMeterTest : public testing::Test {
 protected:
  UsageMeterTest() { open(); }

  void open() {
    meter_.reset();
    store_.reset();
    store_.emplace(directory_.path(), clock_);
    meter_.emplace((*store_)->base(), store_->collections.usage, clock_, options_);
  }
  void call(const char* app, const char* operation = "getX", int status = 200) {
    http::Principal principal{"client", {}, {}};
    principal.claims.emplace(auth::kAppInstanceClaim, app);
    meter_->count({operation, std::make_shared<const http::Principal>(principal), 10},
                  http::Response{status, {}, "12345"});
  }
  // Until it is durable.
  void flush() {
    meter_->flush();
    ASSERT_TRUE((*store_)->base().change([](store::Transaction&) -> Result<void> { return {}; }));
  }
  void end_interval() {
    clock_.advance(options_.interval);
    flush();
  }
  Result<void> acknowledge(uint64_t sequence) {
    std::promise<Result<void>> done;
    meter_->acknowledge(sequence, [&](Result<void> result) { done.set_value(std::move(result)); });
    return done.get_future().get();
  }
  UsageBatch next() const {
    const auto batch = meter_->next();
    return batch ? batch->value : UsageBatch{};
  }

  store::TestDirectory directory_;
  ManualClock clock_;
  UsageOptions options_;
  std::optional<TestStore> store_;
  std::optional<UsageMeter> meter_;
};

// "app operation status calls request response"
std::vector<std::string> lines(const UsageBatch& batch) {
  std::vector<std::string> out;
  for (const auto& r : batch.records) {
    out.push_back(fmt::format("{} {} {} {} {} {}", r.app_instance_id, r.operation, r.status,
                              r.calls, r.request_bytes, r.response_bytes));
  }
  return out;
}

TEST_F(UsageMeterTest, sums_calls_by_app_operation_and_result) {
  call("a");
  call("a");
  call("a", "getX", 404);
  call("a", "putX");
  call("b");
  flush();
  call("a");
  EXPECT_FALSE(meter_->next());
  end_interval();
  EXPECT_THAT(lines(next()), ElementsAre("a getX 200 3 30 15", "a getX 404 1 10 5",
                                         "a putX 200 1 10 5", "b getX 200 1 10 5"));
  EXPECT_EQ(next().sequence, 1U);
  EXPECT_EQ(next().lost_calls, 0U);
  EXPECT_EQ(next().to_ms - next().from_ms, 60'000);
}

TEST_F(UsageMeterTest, calls_without_an_app_are_not_counted) {
  const http::Principal operator_client{"operator", {}, {}};
  meter_->count({"getX", nullptr, 1}, http::Response{401, {}, ""});
  meter_->count({"getX", std::make_shared<const http::Principal>(operator_client), 1},
                http::Response{});
  flush();
  end_interval();
  EXPECT_FALSE(meter_->next());
}

TEST_F(UsageMeterTest, a_batch_stays_the_same_until_it_is_acknowledged) {
  call("a");
  flush();
  end_interval();
  const auto first = lines(next());
  call("a");
  flush();
  end_interval();
  open();
  EXPECT_EQ(lines(next()), first);
  EXPECT_EQ(next().sequence, 1U);
  EXPECT_TRUE(acknowledge(1));
  EXPECT_EQ(next().sequence, 2U);
  EXPECT_TRUE(acknowledge(1));  // the reply was lost
  EXPECT_EQ(next().sequence, 2U);
  EXPECT_TRUE(acknowledge(2));
  EXPECT_FALSE(meter_->next());
}

TEST_F(UsageMeterTest, a_sequence_is_not_used_again) {
  for (uint64_t n = 1; n <= 3; ++n) {
    call("a");
    flush();
    end_interval();
    EXPECT_EQ(next().sequence, n);
    EXPECT_TRUE(acknowledge(n));
    open();
  }
}

TEST_F(UsageMeterTest, batches_are_acknowledged_in_order) {
  for (int i = 0; i < 2; ++i) {
    call("a");
    flush();
    end_interval();
  }
  EXPECT_EQ(acknowledge(2).error().code, ErrorCode::kConflict);
  EXPECT_EQ(acknowledge(3).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(acknowledge(0).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(next().sequence, 1U);
}

TEST_F(UsageMeterTest, what_was_flushed_survives_and_is_counted_once) {
  call("a");
  flush();
  open();  // the interval is not over
  call("a");
  end_interval();
  EXPECT_THAT(lines(next()), ElementsAre("a getX 200 2 20 10"));
  end_interval();
  EXPECT_TRUE(acknowledge(1));
  EXPECT_FALSE(meter_->next());
}

TEST_F(UsageMeterTest, an_interval_with_many_records_makes_several_batches) {
  for (int i = 0; i < 1'500; ++i) call(std::to_string(i).c_str());
  flush();
  end_interval();
  std::set<std::string> seen;
  for (uint64_t n = 1; n <= 2; ++n) {
    EXPECT_EQ(next().sequence, n);
    EXPECT_LE(next().records.size(), UsageMeter::kMaxBatchRecords);
    for (const auto& record : next().records) EXPECT_TRUE(seen.insert(record.key()).second);
    EXPECT_TRUE(acknowledge(n));
  }
  EXPECT_EQ(seen.size(), 1'500U);
  EXPECT_FALSE(meter_->next());
}

TEST_F(UsageMeterTest, calls_beyond_what_may_wait_are_lost_and_counted) {
  options_.max_records = 2;
  open();
  call("a");
  call("b");
  flush();
  call("c");
  call("c");
  call("a");  // has its record
  flush();
  end_interval();
  EXPECT_THAT(lines(next()), ElementsAre("a getX 200 2 20 10", "b getX 200 1 10 5"));
  EXPECT_EQ(next().lost_calls, 2U);
  call("d");  // two records wait
  flush();
  end_interval();
  EXPECT_TRUE(acknowledge(1));
  EXPECT_FALSE(meter_->next());
  call("e");
  flush();
  end_interval();
  EXPECT_THAT(lines(next()), ElementsAre("e getX 200 1 10 5"));
  EXPECT_EQ(next().lost_calls, 1U);
}

}  // namespace
}  // namespace sluice::mep
