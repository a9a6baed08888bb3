// Cuts a stream of octets into lines, whatever pieces it comes in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::feeds {

class LineSplitter {
 public:
  explicit LineSplitter(size_t longest) : longest_(longest) {}

  // Calls line(number, text) for every line that ends in `bytes`, without its end (LF or CR LF),
  // and too_long(number) for one beyond the bound, of which nothing is kept. Numbers begin at 1.
  // The text lives during the call.
  template <typename Line, typename TooLong>
  void take(std::string_view bytes, Line line, TooLong too_long) {
    while (!bytes.empty()) {
      const auto end = bytes.find('\n');
      const auto piece = bytes.substr(0, end);
      // The end of a line may be CR LF: the CR does not count.
      if (skipping_ || begun_.size() + piece.size() > longest_ + 1) {
        skipping_ = true;
        begun_.clear();
      } else if (end == std::string_view::npos || !begun_.empty()) {
        begun_ += piece;
      }
      if (end == std::string_view::npos) return;
      bytes.remove_prefix(end + 1);
      finish(piece, line, too_long);
    }
  }

  // The last line need not have an end.
  template <typename Line, typename TooLong>
  void end(Line line, TooLong too_long) {
    if (skipping_ || !begun_.empty()) finish({}, line, too_long);
  }

  uint64_t lines() const { return number_; }

 private:
  template <typename Line, typename TooLong>
  void finish(std::string_view piece, Line& line, TooLong& too_long) {
    ++number_;
    std::string_view text = begun_.empty() ? piece : std::string_view(begun_);
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (skipping_ || text.size() > longest_) {
      too_long(number_);
    } else {
      line(number_, text);
    }
    skipping_ = false;
    begun_.clear();
  }

  const size_t longest_;
  std::string begun_;  // of a line that has not ended
  bool skipping_ = false;
  uint64_t number_ = 0;
};

}  // namespace sluice::feeds
