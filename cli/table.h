// What people read on a terminal: columns, and texts of others made harmless.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/printable.h"

namespace sluice::cli {

// Rows under a headline, each column as wide as its widest cell; two spaces between.
class Table {
 public:
  explicit Table(std::vector<std::string> headline) : rows_{std::move(headline)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// "name:  value" lines, the values in one column. Empty values are left out.
std::string fields_text(const std::vector<std::pair<std::string, std::string>>& fields);

}  // namespace sluice::cli
