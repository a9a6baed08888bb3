#include "feeds/feed_stream.h"

#include <nlohmann/json.hpp>

namespace sluice::feeds {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

struct Log : Follower {
  std::vector<std::string> told;
  void before_reports(const RanState&) override { told.emplace_back("["); }
  void changed(const RanState&, const Change&) override { told.emplace_back("x"); }
  void after_reports() override { told.emplace_back("]"); }
};

class FeedStreamTest : public testing::Test {
 protected:
  FeedStreamTest() {
    feed_.follow(&log_);
    handlers_ = feed_.handlers();
    open_ = feed_.body_openers().at("sendReports");
  }
  http::Request request() {
    http::Request out;
    out.headers.add("Authorization", "Bearer secret");
    out.principal = std::make_shared<http::Principal>(http::Principal{"ric", {}, {}});
    return out;
  }
  std::shared_ptr<http::BodyConsumer> begin() {
    auto body = open_(request());
    EXPECT_TRUE(body);
    return *body;
  }
  json finish(std::shared_ptr<http::BodyConsumer> body) {
    auto last = request();
    last.consumer = std::move(body);
    return json::parse(handlers_.at("sendReports")(last).body);
  }
  std::string position(int64_t ahead_ms = 0) {
    return R"({"type":"position","user":"u","latitude":1,"longitude":2,"timeMs":)" +
           std::to_string(feed_.now_ms() + ahead_ms) + "}\n";
  }

  ManualClock clock_;
  bool revoked_ = false;
  RanFeed feed_{{.streams = 2}, clock_, [this](std::string_view token) -> Result<void> {
                  EXPECT_EQ(token, "secret");
                  if (revoked_) return fail(ErrorCode::kUnauthenticated, "the token has expired");
                  return {};
                }};
  Log log_;
  http::Handlers handlers_;
  http::BodyOpener open_;
};

TEST_F(FeedStreamTest, AWrongLineIsToldOfAndEndsNothing) {
  auto body = begin();
  ASSERT_TRUE(
      body->take(position() + "nonsense\n\n" + std::string(9000, 'x') + "\n" + position(6000)));
  ASSERT_TRUE(body->take(position(1) + position(-1) + R"({"type":"detach")"));
  EXPECT_EQ(json::parse(handlers_.at("listFeedStreams")(request()).body).at(0).at("accepted"), 2);
  const auto summary = finish(std::move(body));
  EXPECT_EQ(summary["lines"], 8);
  EXPECT_EQ(summary["accepted"], 2);
  EXPECT_EQ(summary["late"], 1);
  ASSERT_EQ(summary["refused"], 4);
  const auto& refusals = summary["refusals"];
  EXPECT_EQ(refusals[0]["line"], 2);
  EXPECT_THAT(refusals[0]["reason"], HasSubstr("not JSON"));
  EXPECT_EQ(refusals[1], (json{{"line", 4}, {"reason", "is longer than 8192 octets"}}));
  EXPECT_EQ(refusals[2]["line"], 5);
  EXPECT_THAT(refusals[2]["reason"], HasSubstr("timeMs: is more than 5 s ahead"));
  EXPECT_EQ(refusals[3]["line"], 8);
  EXPECT_THAT(log_.told, ElementsAre("[", "x", "]", "[", "x", "]"));
  EXPECT_EQ(feed_.counts().refused, 4u);
  EXPECT_EQ(feed_.streams(), 0u);
}

TEST_F(FeedStreamTest, LastsAsLongAsItsToken) {
  auto body = begin();
  revoked_ = true;
  EXPECT_TRUE(body->take(position()));  // looked at once a second
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(body->take(position()).error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(feed_.streams(), 1u);
  body.reset();
  EXPECT_EQ(feed_.streams(), 0u);
}

TEST_F(FeedStreamTest, StreamsAreBoundedAndOldOnesForgotten) {
  const auto one = begin();
  for (int i = 0; i < 40; ++i) begin();
  const auto two = begin();
  EXPECT_EQ(open_(request()).error().status, 503);
  const auto streams = json::parse(handlers_.at("listFeedStreams")(request()).body);
  EXPECT_LE(streams.size(), 20u);
  EXPECT_EQ(streams[0]["streamId"], "1");
  EXPECT_EQ(streams[0]["open"], true);
  EXPECT_EQ(streams[0]["client"], "ric");
}

TEST_F(FeedStreamTest, StaleIsWhatIsOldAndSilentUsersAreForgotten) {
  ASSERT_TRUE(begin()->take(position()));
  const auto then = feed_.now_ms();
  clock_.advance(std::chrono::seconds(61));
  EXPECT_TRUE(feed_.is_stale(then));
  EXPECT_FALSE(feed_.is_stale(feed_.now_ms()));
  feed_.forget_silent();
  EXPECT_NE(feed_.read([](const RanState& s) { return s.users(); }), 0u);
  clock_.advance(std::chrono::seconds(3600));
  feed_.forget_silent();
  EXPECT_EQ(feed_.read([](const RanState& s) { return s.users(); }), 0u);
}

}  // namespace
}  // namespace sluice::feeds
