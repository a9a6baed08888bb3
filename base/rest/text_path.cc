// any_in_text(): follows a path through JSON text that a program of ours wrote, so that what is
// stored as text can be filtered as it lies. It copes with any text and trusts none for its bounds.
#include <nlohmann/json.hpp>
#include <span>

#include "base/rest/attribute_path.h"

namespace sluice::rest {
namespace {

using nlohmann::json;
using Path = std::span<const std::string>;

class TextWalk {
 public:
  TextWalk(std::string_view text, const std::function<bool(const json&)>& visit)
      : text_(text), visit_(visit) {}

  // Goes through the value at the place where it stands, and to its end unless a visit was true.
  bool value(Path path, size_t depth) {
    if (depth > kMaxDepth) return lose();
    if (at('[')) return array(path, depth);
    if (path.empty() && !at('{')) return leaf();
    if (!path.empty() && at('{')) return object(path, depth);
    skip();
    return false;
  }

 private:
  static constexpr size_t kMaxDepth = 256;  // bodies are bounded far below

  bool at(char c) const { return at_ < text_.size() && text_[at_] == c; }
  // Nothing is found any more: the text is no JSON.
  bool lose() {
    at_ = text_.size();
    return false;
  }

  bool leaf() {
    const auto start = at_;
    if (!skip()) return false;
    const auto token = text_.substr(start, at_ - start);
    const auto member = json::parse(token, nullptr, /*allow_exceptions=*/false);
    return !member.is_discarded() && visit_(member);
  }

  bool array(Path path, size_t depth) {
    ++at_;
    if (at(']')) {
      ++at_;
      return false;
    }
    while (true) {
      if (value(path, depth + 1)) return true;
      if (at(']')) {
        ++at_;
        return false;
      }
      if (!at(',')) return lose();
      ++at_;
    }
  }

  bool object(Path path, size_t depth) {
    ++at_;
    if (at('}')) {
      ++at_;
      return false;
    }
    while (true) {
      const auto start = at_;
      if (!at('"') || !skip() || !at(':')) return lose();
      const auto name = text_.substr(start, at_ - start);
      ++at_;
      if (path[0][0] == kMapKeysMarker) {
        const auto key = json::parse(name, nullptr, false);
        if (!key.is_discarded() && visit_(key)) return true;
        if (!skip()) return false;
      } else if (is_called(name, path[0])) {
        if (value(path.subspan(1), depth + 1)) return true;
      } else if (!skip()) {
        return false;
      }
      if (at('}')) {
        ++at_;
        return false;
      }
      if (!at(',')) return lose();
      ++at_;
    }
  }

  // Whether a name, in its quotes and with its escapes, is this one.
  static bool is_called(std::string_view quoted, const std::string& name) {
    if (quoted.find('\\') == std::string_view::npos) {
      return quoted.substr(1, quoted.size() - 2) == name;
    }
    const auto read = json::parse(quoted, nullptr, false);
    return read.is_string() && read.get_ref<const std::string&>() == name;
  }

  // Goes behind the value that begins here; false when the text ends before.
  bool skip() {
    if (at('"')) return skip_string();
    if (!at('{') && !at('[')) {
      const auto end = text_.find_first_of(",]}", at_);
      at_ = end == std::string_view::npos ? text_.size() : end;
      return true;
    }
    size_t open = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        if (!skip_string()) return false;
        continue;
      }
      ++at_;
      if (c == '{' || c == '[') ++open;
      if ((c == '}' || c == ']') && --open == 0) return true;
    }
    return false;
  }

  bool skip_string() {
    for (auto end = text_.find('"', at_ + 1); end != std::string_view::npos;
         end = text_.find('"', end + 1)) {
      size_t escapes = 0;
      while (text_[end - 1 - escapes] == '\\') ++escapes;  // the opening quote ends it
      if (escapes % 2 == 0) {
        at_ = end + 1;
        return true;
      }
    }
    return lose();
  }

  const std::string_view text_;
  const std::function<bool(const json&)>& visit_;
  size_t at_ = 0;
};

}  // namespace

bool any_in_text(std::string_view text, const AttributePath& path,
                 const std::function<bool(const json&)>& visit) {
  return TextWalk(text, visit).value(path, 0);
}

}  // namespace sluice::rest
