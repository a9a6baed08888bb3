#include "app-package/problems.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"

namespace sluice::app_package {

std::string Problem::to_string() const {
  if (file.empty()) return message;
  return line > 0 ? fmt::format("{}:{}: {}", file, line, message)
                  : fmt::format("{}: {}", file, message);
}

void Problems::add(std::string file, int line, std::string message) {
  Problem problem{as_utf8(std::move(file)), line, as_utf8(std::move(message))};
  if (std::ranges::find(list_, problem) != list_.end()) return;
  if (list_.size() < kMost) {
    list_.push_back(std::move(problem));
  } else {
    ++more_;
  }
}

std::string Problems::to_string() const {
  std::string out;
  for (const auto& problem : list_) {
    if (!out.empty()) out += '\n';
    out += problem.to_string();
  }
  if (more_ > 0) out += fmt::format("\n... and {} more", more_);
  return out;
}

}  // namespace sluice::app_package
