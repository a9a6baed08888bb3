#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace sluice::cli {
namespace {

constexpr std::chrono::milliseconds kMovingStep{200};
constexpr std::chrono::seconds kLineStep{10};

}  // namespace

ProgressStyle default_progress() {
  return ::isatty(STDERR_FILENO) == 1 ? ProgressStyle::kMoving : ProgressStyle::kLines;
}

std::string size_text(uint64_t octets) {
  constexpr std::array kUnits = {"kB", "MB", "GB", "TB"};
  if (octets < 1000) return fmt::format("{} B", octets);
  auto value = static_cast<double>(octets) / 1000;
  size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits.at(unit));
}

Progress::Progress(ProgressStyle style, std::string what, uint64_t total)
    : style_(style), what_(std::move(what)), total_(total) {}

Progress::~Progress() {
  if (open_) fmt::print(stderr, "\n");
}

void Progress::at(uint64_t octets) {
  if (style_ == ProgressStyle::kNone) return;
  if (!begun_) {
    begun_ = true;
    first_ = octets;
    written_ = start_;
  }
  const auto now = Clock::now();
  const auto step = style_ == ProgressStyle::kMoving ? Clock::duration(kMovingStep) : kLineStep;
  if (now - written_ < step) return;
  written_ = now;
  write(octets);
}

void Progress::done() {
  if (style_ == ProgressStyle::kNone) return;
  write(total_);
  if (open_) fmt::print(stderr, "\n");
  open_ = false;
}

void Progress::write(uint64_t octets) {
  const auto seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const auto rate =
      seconds > 0 ? static_cast<double>(octets - std::min(first_, octets)) / seconds : 0;
  std::string text = fmt::format("{} {} of {}, {}%", what_, size_text(octets), size_text(total_),
                                 total_ > 0 ? octets * 100 / total_ : 100);
  if (rate >= 1) {
    text += fmt::format(", {}/s", size_text(static_cast<uint64_t>(rate)));
    const auto left = static_cast<uint64_t>(static_cast<double>(total_ - octets) / rate);
    if (left > 0) text += fmt::format(", {}:{:02} left", left / 60, left % 60);
  }
  if (style_ == ProgressStyle::kLines) {
    fmt::print(stderr, "{}\n", text);
    return;
  }
  fmt::print(stderr, "\r{}\x1b[K", text);
  std::fflush(stderr);
  open_ = true;
}

}  // namespace sluice::cli
