#include "feeds/ran_feed.h"

#include <algorithm>

#include "base/http/problem.h"
#include "feeds/feed_stream.h"

namespace sluice::feeds {
namespace {

using http::Request;
using http::Response;
using nlohmann::json;

constexpr size_t kEndedStreams = 16;  // that are still told of

std::string token_of(const Request& request) {
  const auto field = request.headers.get("Authorization").value_or("");
  const auto blank = field.find(' ');
  return blank == std::string_view::npos ? std::string() : std::string(field.substr(blank + 1));
}

}  // namespace

RanFeed::RanFeed(FeedOptions options, const Clock& clock, Entitlement check)
    : options_(std::move(options)),
      clock_(clock),
      check_(std::move(check)),
      state_(options_.state) {}

int64_t RanFeed::now_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall().time_since_epoch())
      .count();
}

http::Handlers RanFeed::handlers() {
  return {{"sendReports", [this](const Request& r) { return finish(r); }},
          {"listFeedStreams", [this](const Request& r) { return list(r); }}};
}

std::map<std::string, http::BodyOpener, std::less<>> RanFeed::body_openers() {
  return {
      {"sendReports",
       [this](
           const Request& request) -> std::expected<std::shared_ptr<http::BodyConsumer>, Response> {
         const std::lock_guard lock(streams_mutex_);
         const auto open = open_streams();
         if (open >= options_.streams) {
           return std::unexpected(
               Response::problem(503, fmt::format("{} streams are open already", options_.streams))
                   .with("Retry-After", "10"));
         }
         if (streams_.size() - open >= kEndedStreams) {  // room for this one, once it has ended
           std::erase_if(streams_, [gone = false](const auto& stream) mutable {
             return !gone && !stream->open() && (gone = true);
           });
         }
         auto stream = std::make_shared<FeedStream>(
             *this, ++last_stream_, request.principal ? request.principal->subject : std::string(),
             token_of(request));
         streams_.push_back(stream);
         return std::make_shared<FeedBody>(std::move(stream));
       }}};
}

Response RanFeed::finish(const Request& request) const {
  const auto body = std::dynamic_pointer_cast<FeedBody>(request.consumer);
  if (!body) return Response::problem(400, "the request needs a body");
  body->stream().end();
  return Response::json(200, body->stream().summary());
}

Response RanFeed::list(const Request& /*request*/) const {
  auto out = json::array();
  const std::lock_guard lock(streams_mutex_);
  for (const auto& stream : streams_) out.push_back(stream->status());
  return Response::json(200, out);
}

std::vector<Result<bool>> RanFeed::take(std::vector<Report>&& reports) {
  std::vector<Result<bool>> out;
  out.reserve(reports.size());
  const std::lock_guard ingest(ingest_mutex_);
  if (follower_ != nullptr) follower_->before_reports(state_);
  {
    const std::lock_guard lock(state_mutex_);
    for (auto& report : reports) out.push_back(state_.apply(std::move(report), follower_));
  }
  if (follower_ != nullptr) follower_->after_reports();
  return out;
}

void RanFeed::forget_silent() {
  const auto now = now_ms();
  const auto before = now - std::chrono::milliseconds(options_.forget_after).count();
  const std::lock_guard ingest(ingest_mutex_);
  if (follower_ != nullptr) follower_->before_reports(state_);
  {
    const std::lock_guard lock(state_mutex_);
    state_.forget_before(before, now, follower_);
  }
  if (follower_ != nullptr) follower_->after_reports();
}

FeedCounts RanFeed::counts() const { return {lines_, accepted_, late_, refused_}; }

size_t RanFeed::streams() const {
  const std::lock_guard lock(streams_mutex_);
  return open_streams();
}

size_t RanFeed::open_streams() const {
  return static_cast<size_t>(
      std::ranges::count_if(streams_, [](const auto& stream) { return stream->open(); }));
}

}  // namespace sluice::feeds
