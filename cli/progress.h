// How far a long transfer is: a line that moves on a terminal, one now and then in a log.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace sluice::cli {

enum class ProgressStyle : unsigned char { kNone, kLines, kMoving };

// kMoving when standard error is a terminal.
ProgressStyle default_progress();

// Writes to standard error.
class Progress {
 public:
  // `what` is done ("uploaded"), to `total` octets.
  Progress(ProgressStyle style, std::string what, uint64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void at(uint64_t octets);
  void done();  // all of it

 private:
  using Clock = std::chrono::steady_clock;
  void write(uint64_t octets);

  const ProgressStyle style_;
  const std::string what_;
  const uint64_t total_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point written_{};
  uint64_t first_ = 0;  // octets that were there at the first call: not of this run's pace
  bool begun_ = false;
  bool open_ = false;  // the terminal's line has something
};

std::string size_text(uint64_t octets);  // "1.5 GB", decimal units

}  // namespace sluice::cli
