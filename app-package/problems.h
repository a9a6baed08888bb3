// What is wrong with a package: everything that was found, each with its place.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace sluice::app_package {

struct Problem {
  std::string file;  // in the package; empty: the package as a whole
  int line = 0;      // from 1; 0: the file as a whole
  std::string message;

  std::string to_string() const;  // "file:line: message"
  bool operator==(const Problem&) const = default;
};

class Problems {
 public:
  static constexpr size_t kMost = 100;  // kept; the rest is only counted

  // One that is there already is not added: a package is read more than once. What is no UTF-8 in
  // it becomes "?".
  void add(std::string file, int line, std::string message);
  bool empty() const { return list_.empty(); }
  size_t size() const { return list_.size() + more_; }
  const std::vector<Problem>& list() const { return list_; }
  std::string to_string() const;  // one a line, and how many more there are

  // Something else than the package keeps it from being read: nothing can be said of it now. The
  // first one counts.
  void obstruct(Error why) {
    if (!obstacle_) obstacle_ = std::move(why);
  }
  const std::optional<Error>& obstacle() const { return obstacle_; }

 private:
  std::vector<Problem> list_;
  size_t more_ = 0;
  std::optional<Error> obstacle_;
};

}  // namespace sluice::app_package
