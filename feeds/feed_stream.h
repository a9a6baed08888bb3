// One request that brings reports, as long as it lasts.
#pragma once

#include <deque>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "base/http/body_stream.h"
#include "feeds/line_splitter.h"
#include "feeds/ran_feed.h"

namespace sluice::feeds {

class FeedStream {
 public:
  static constexpr size_t kKeptRefusals = 100;  // the newest

  FeedStream(RanFeed& feed, uint64_t id, std::string client, std::string token)
      : feed_(feed),
        id_(id),
        client_(std::move(client)),
        token_(std::move(token)),
        begun_ms_(feed.now_ms()),
        checked_ms_(begun_ms_),
        lines_in_(kMaxLine) {}

  // The next octets of the body. A line that is wrong is put down and ends nothing.
  // kUnauthenticated when the token has ended.
  Result<void> take(std::string_view bytes);
  // The body is complete; once.
  void end();
  // Nothing comes any more. From any thread.
  void close();

  bool open() const;
  nlohmann::json summary() const;  // FeedSummary
  nlohmann::json status() const;   // FeedStream of the document

 private:
  void read_line(uint64_t number, std::string_view line);
  void refuse(uint64_t number, std::string reason);
  void pass_on();

  RanFeed& feed_;
  const uint64_t id_;
  const std::string client_;
  const std::string token_;
  const int64_t begun_ms_;
  int64_t checked_ms_;  // the token
  LineSplitter lines_in_;
  std::vector<Report> batch_;
  std::vector<uint64_t> numbers_;  // of the lines of batch_

  mutable std::mutex mutex_;  // guards what others ask for
  FeedCounts counts_;
  struct Refusal {
    uint64_t line;
    std::string reason;
  };
  std::deque<Refusal> refusals_;
  std::optional<int64_t> ended_ms_;
  int64_t heard_ms_ = begun_ms_;
};

// The body of the request: closes the stream when the client is gone.
class FeedBody final : public http::BodyConsumer {
 public:
  explicit FeedBody(std::shared_ptr<FeedStream> stream) : stream_(std::move(stream)) {}
  ~FeedBody() override { stream_->close(); }
  Result<void> take(std::string_view bytes) override { return stream_->take(bytes); }
  FeedStream& stream() const { return *stream_; }

 private:
  const std::shared_ptr<FeedStream> stream_;
};

}  // namespace sluice::feeds
