#include "app-package/file_path.h"

#include <algorithm>

namespace sluice::app_package {
namespace {

bool is_printable(char c) { return c >= 0x20 && c < 0x7f; }

}  // namespace

std::optional<std::string> refuse_path(std::string_view path) {
  if (path.empty()) return "has no name";
  if (path.size() > kMaxFilePath) return "has a name of more than 512 octets";
  if (!std::ranges::all_of(path, is_printable)) return "has a name that is not printable ASCII";
  if (path.find('\\') != std::string_view::npos) return "has a backslash in its name";
  if (path.front() == '/') return "has an absolute path";
  if (path.size() > 1 && path[1] == ':') return "has a drive letter in its name";
  for (size_t from = 0; from <= path.size();) {
    const size_t end = std::min(path.find('/', from), path.size());
    const auto segment = path.substr(from, end - from);
    if (segment == "..") return "leads out of the package by \"..\"";
    if (segment == "." || segment.empty()) return "has an empty or \".\" segment in its path";
    from = end + 1;
  }
  return std::nullopt;
}

std::string printable(std::string_view path) {
  constexpr size_t kShown = 120;
  std::string out(path.substr(0, kShown));
  std::ranges::replace_if(out, [](char c) { return !is_printable(c); }, '?');
  return path.size() > kShown ? out + "..." : out;
}

}  // namespace sluice::app_package
