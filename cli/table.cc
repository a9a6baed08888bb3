#include "cli/table.h"

#include <algorithm>

namespace sluice::cli {
namespace {

// In characters: octets that begin one in UTF-8.
size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

void pad(std::string& line, std::string_view cell, size_t width) {
  line += cell;
  line.append(width - std::min(width, width_of(cell)), ' ');
}

}  // namespace

std::string Table::text() const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(printable(row[i])));
    }
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      pad(line, printable(row[i]), i + 1 < row.size() ? widths[i] + 2 : 0);
    }
    out += line + "\n";
  }
  return out;
}

std::string fields_text(const std::vector<std::pair<std::string, std::string>>& fields) {
  size_t width = 0;
  for (const auto& [name, value] : fields) {
    if (!value.empty()) width = std::max(width, name.size());
  }
  std::string out;
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    pad(out, name + ":", width + 3);
    out += printable(value) + "\n";
  }
  return out;
}

}  // namespace sluice::cli
