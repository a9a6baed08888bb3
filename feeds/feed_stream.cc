#include "feeds/feed_stream.h"

#include <nlohmann/json.hpp>

#include "base/log.h"

namespace sluice::feeds {
namespace {

using nlohmann::json;

constexpr size_t kBatch = 256;  // reports that are taken under one lock
constexpr int64_t kTokenPeriodMs = 1000;

json time_stamp(int64_t ms) {
  return {{"seconds", ms / 1000}, {"nanoSeconds", ms % 1000 * 1'000'000}};
}

}  // namespace

Result<void> FeedStream::take(std::string_view bytes) {
  const auto now = feed_.now_ms();
  if (now - checked_ms_ >= kTokenPeriodMs || now < checked_ms_) {
    checked_ms_ = now;
    if (auto ok = feed_.check_(token_); !ok) return ok;
  }
  lines_in_.take(
      bytes, [this](uint64_t number, std::string_view line) { read_line(number, line); },
      [this](uint64_t number) {
        refuse(number, fmt::format("is longer than {} octets", kMaxLine));
      });
  pass_on();
  const std::lock_guard lock(mutex_);
  heard_ms_ = now;
  return {};
}

void FeedStream::end() {
  lines_in_.end([this](uint64_t number, std::string_view line) { read_line(number, line); },
                [this](uint64_t number) {
                  refuse(number, fmt::format("is longer than {} octets", kMaxLine));
                });
  pass_on();
  close();
}

void FeedStream::close() {
  const std::lock_guard lock(mutex_);
  if (ended_ms_) return;
  ended_ms_ = feed_.now_ms();
  spdlog::info("feed stream ended id={} client={} lines={} accepted={} late={} refused={}", id_,
               client_, counts_.lines, counts_.accepted, counts_.late, counts_.refused);
}

void FeedStream::read_line(uint64_t number, std::string_view line) {
  if (line.find_first_not_of(" \t") == std::string_view::npos) {  // keeps the stream alive
    ++feed_.lines_;
    const std::lock_guard lock(mutex_);
    ++counts_.lines;
    return;
  }
  auto report = parse_report(line);
  if (!report) return refuse(number, report.error().to_string());
  const auto ahead = std::chrono::milliseconds(feed_.options_.max_ahead).count();
  if (report->time_ms > feed_.now_ms() + ahead) {
    return refuse(number, fmt::format("timeMs: is more than {} s ahead of this platform's clock",
                                      feed_.options_.max_ahead.count()));
  }
  batch_.push_back(std::move(*report));
  numbers_.push_back(number);
  if (batch_.size() >= kBatch) pass_on();
}

void FeedStream::refuse(uint64_t number, std::string reason) {
  ++feed_.lines_;
  ++feed_.refused_;
  const std::lock_guard lock(mutex_);
  ++counts_.lines;
  ++counts_.refused;
  refusals_.push_back({number, std::move(reason)});
  if (refusals_.size() > kKeptRefusals) refusals_.pop_front();
}

void FeedStream::pass_on() {
  if (batch_.empty()) return;
  const auto results = feed_.take(std::move(batch_));
  batch_.clear();
  FeedCounts news;
  for (size_t i = 0; i < results.size(); ++i) {
    if (!results[i]) {
      refuse(numbers_[i], results[i].error().to_string());
    } else {
      ++news.lines;
      ++(*results[i] ? news.accepted : news.late);
    }
  }
  numbers_.clear();
  feed_.lines_ += news.lines;
  feed_.accepted_ += news.accepted;
  feed_.late_ += news.late;
  const std::lock_guard lock(mutex_);
  counts_.lines += news.lines;
  counts_.accepted += news.accepted;
  counts_.late += news.late;
}

bool FeedStream::open() const {
  const std::lock_guard lock(mutex_);
  return !ended_ms_;
}

json FeedStream::summary() const {
  const std::lock_guard lock(mutex_);
  auto refusals = json::array();
  for (const auto& refusal : refusals_) {
    refusals.push_back({{"line", refusal.line}, {"reason", refusal.reason}});
  }
  return {{"lines", counts_.lines},
          {"accepted", counts_.accepted},
          {"late", counts_.late},
          {"refused", counts_.refused},
          {"refusals", std::move(refusals)}};
}

json FeedStream::status() const {
  auto out = summary();
  const std::lock_guard lock(mutex_);
  out["streamId"] = std::to_string(id_);
  out["client"] = client_;
  out["open"] = !ended_ms_;
  out["begun"] = time_stamp(begun_ms_);
  out["lastHeard"] = time_stamp(heard_ms_);
  return out;
}

}  // namespace sluice::feeds
