#include "base/json_text.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "base/utf8.h"

namespace sluice {
namespace {

void append_utf8(std::string& out, uint32_t code) {
  const auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xe0 | code >> 12);
    } else {
      put(0xf0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3f));
    }
    put(0x80 | (code >> 6 & 0x3f));
  }
  put(0x80 | (code & 0x3f));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

// Every function reads from at_ on and says whether it found what it wants.
class JsonTextParser {
 public:
  explicit JsonTextParser(std::string_view text)
      : at_(text.data()), end_(text.data() + text.size()) {}

  std::optional<JsonText> parse() {
    if (!value(0)) return std::nullopt;
    skip_blanks();
    if (at_ != end_) return std::nullopt;
    return std::move(out_);
  }

 private:
  void skip_blanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool take(char wanted) {
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (static_cast<size_t>(end_ - at_) < word.size() ||
        std::memcmp(at_, word.data(), word.size()) != 0) {
      return false;
    }
    at_ += word.size();
    return true;
  }

  JsonNode& add(JsonNode::Kind kind) {
    JsonNode& node = out_.nodes_.emplace_back();
    node.kind_ = kind;
    return node;
  }

  bool value(int depth) {
    skip_blanks();
    if (at_ == end_) return false;
    switch (*at_) {
      case '{':
        return depth < JsonText::kMaxDepth && list(JsonNode::Kind::kObject, '}', depth);
      case '[':
        return depth < JsonText::kMaxDepth && list(JsonNode::Kind::kArray, ']', depth);
      case '"':
        return string();
      case 't':
        add(JsonNode::Kind::kBoolean).value_.integer = 1;
        return take("true");
      case 'f':
        add(JsonNode::Kind::kBoolean).value_.integer = 0;
        return take("false");
      case 'n':
        add(JsonNode::Kind::kNull);
        return take("null");
      default:
        return number();
    }
  }

  // Both arrays and objects.
  bool list(JsonNode::Kind kind, char last, int depth) {
    ++at_;
    const size_t self = out_.nodes_.size();
    add(kind);
    uint32_t count = 0;
    skip_blanks();
    if (!take(last)) {
      do {
        if (kind == JsonNode::Kind::kObject && !name()) return false;
        if (!value(depth + 1)) return false;
        ++count;
        skip_blanks();
      } while (take(','));
      if (!take(last)) return false;
    }
    out_.nodes_[self].count_ = count;
    out_.nodes_[self].span_ = static_cast<uint32_t>(out_.nodes_.size() - self);
    return true;
  }

  bool name() {
    skip_blanks();
    if (at_ == end_ || *at_ != '"' || !string()) return false;
    skip_blanks();
    return take(':');
  }

  bool string() {
    const char* const begin = ++at_;
    while (at_ != end_) {
      const auto byte = static_cast<uint8_t>(*at_);
      if (byte == '"') {
        put_string({begin, static_cast<size_t>(at_ - begin)});
        ++at_;
        return true;
      }
      if (byte == '\\') return escaped_string(begin);
      if (!plain_character()) return false;
    }
    return false;
  }

  bool plain_character() {
    const auto byte = static_cast<uint8_t>(*at_);
    if (byte < 0x20) return false;
    const size_t bytes = byte < 0x80 ? 1 : utf8_character_bytes(at_, end_);
    at_ += bytes;
    return bytes != 0;
  }

  void put_string(std::string_view text) {
    JsonNode& node = add(JsonNode::Kind::kString);
    node.value_.text = text.data();
    node.count_ = static_cast<uint32_t>(text.size());
  }

  // The rest of a string, from its first escape on.
  bool escaped_string(const char* begin) {
    std::string& text = out_.unescaped_.emplace_back(begin, at_);
    while (at_ != end_) {
      if (take('"')) {
        put_string(text);
        return true;
      }
      const char* const from = at_;
      if (take('\\')) {
        if (!escape(text)) return false;
      } else {
        if (!plain_character()) return false;
        text.append(from, at_);
      }
    }
    return false;
  }

  bool escape(std::string& text) {
    if (at_ == end_) return false;
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const char letter = *at_++;
    if (letter == 'u') return escaped_character(text);
    const size_t which = kLetters.find(letter);
    if (which == std::string_view::npos) return false;
    text.push_back(kMeanings[which]);
    return true;
  }

  bool escaped_character(std::string& text) {
    auto code = four_digits();
    if (!code || (*code >= 0xdc00 && *code < 0xe000)) return false;
    if (*code >= 0xd800 && *code < 0xdc00) {  // the first half of a pair
      if (!take("\\u")) return false;
      const auto low = four_digits();
      if (!low || *low < 0xdc00 || *low >= 0xe000) return false;
      code = 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00);
    }
    append_utf8(text, *code);
    return true;
  }

  std::optional<uint32_t> four_digits() {
    uint32_t code = 0;
    if (end_ - at_ < 4) return std::nullopt;
    const auto [last, error] = std::from_chars(at_, at_ + 4, code, 16);
    if (error != std::errc() || last != at_ + 4) return std::nullopt;
    at_ = last;
    return code;
  }

  bool digits() {
    const char* const begin = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return at_ != begin;
  }

  bool number() {
    const char* const begin = at_;
    const bool is_negative = take('-');
    if (!take('0') && !digits()) return false;
    bool is_whole = true;
    if (take('.')) {
      is_whole = false;
      if (!digits()) return false;
    }
    if (take('e') || take('E')) {
      is_whole = false;
      if (!take('-')) (void)take('+');
      if (!digits()) return false;
    }
    if (is_whole && whole_number(begin, is_negative)) return true;
    JsonNode& node = add(JsonNode::Kind::kReal);
    const auto error = std::from_chars(begin, at_, node.value_.real).ec;
    // What is too small is read as 0.
    if (error == std::errc::result_out_of_range) {
      node.value_.real = std::strtod(std::string(begin, at_).c_str(), nullptr);
    }
    return std::isfinite(node.value_.real);
  }

  // False when it is too large for an integer.
  bool whole_number(const char* begin, bool is_negative) {
    JsonNode& node = add(JsonNode::Kind::kInteger);
    if (std::from_chars(begin, at_, node.value_.integer).ec == std::errc()) return true;
    node.is_large_ = true;
    if (!is_negative && std::from_chars(begin, at_, node.value_.natural).ec == std::errc()) {
      return true;
    }
    out_.nodes_.pop_back();
    return false;
  }

  const char* at_;
  const char* const end_;
  JsonText out_;
};

std::optional<JsonText> JsonText::parse(std::string_view text) {
  return JsonTextParser(text).parse();
}

const char* JsonNode::type_name() const {
  switch (kind_) {
    case Kind::kNull:
      return "null";
    case Kind::kBoolean:
      return "boolean";
    case Kind::kInteger:
    case Kind::kReal:
      return "number";
    case Kind::kString:
      return "string";
    case Kind::kArray:
      return "array";
    case Kind::kObject:
      break;
  }
  return "object";
}

std::optional<int64_t> JsonNode::integer() const {
  if (is_large_) return std::nullopt;
  return value_.integer;
}

std::string JsonNode::number_text() const {
  if (kind_ == Kind::kReal) return fmt::format("{}", value_.real);
  return is_large_ ? fmt::format("{}", value_.natural) : fmt::format("{}", value_.integer);
}

const JsonNode* JsonNode::find(std::string_view name) const {
  const JsonNode* found = nullptr;
  const JsonNode* member = first();
  for (uint32_t i = 0; i < count_; ++i) {
    const JsonNode* value = member->next();
    if (member->text() == name) found = value;
    member = value->next();
  }
  return found;
}

}  // namespace sluice
