// A JSON document read into one flat list of nodes, for messages that are large and read once:
// there is no allocation for a value, and texts are those of the document wherever nothing in them
// is escaped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

// A value of a document, valid as long as the JsonText that it is of. What is inside an array or
// object follows it in memory; an object's members are a name and a value each.
class JsonNode {
 public:
  enum class Kind : uint8_t { kNull, kBoolean, kInteger, kReal, kString, kArray, kObject };

  Kind kind() const { return kind_; }
  const char* type_name() const;  // "null", "boolean", "number", "string", "array", "object"

  bool flag() const { return value_.integer != 0; }                // of a boolean
  std::string_view text() const { return {value_.text, count_}; }  // of a string
  // Of an integer; nothing when it is larger than the type holds.
  std::optional<int64_t> integer() const;
  std::string number_text() const;  // of either kind of number, for people

  size_t size() const { return count_; }  // elements of an array, members of an object
  // Of an array: its elements one after the other, size() of them. Of an object: name, value, name,
  // …
  const JsonNode* first() const { return this + 1; }
  const JsonNode* next() const { return this + span_; }
  // A member of an object, the last of that name; null when there is none.
  const JsonNode* find(std::string_view name) const;

 private:
  friend class JsonText;
  friend class JsonTextParser;
  union Value {
    const char* text;
    int64_t integer;  // of a boolean too
    uint64_t natural;
    double real;
  } value_ = {.text = nullptr};
  uint32_t count_ = 0;  // bytes, elements, members
  uint32_t span_ = 1;   // nodes, this one and all inside
  Kind kind_ = Kind::kNull;
  bool is_large_ = false;  // an integer beyond int64_t
};

class JsonText {
 public:
  static constexpr int kMaxDepth = 64;

  // Nothing when `text` is not one JSON value (RFC 8259, UTF-8), or nested deeper than kMaxDepth.
  // The nodes refer to `text`, which has to outlive them.
  static std::optional<JsonText> parse(std::string_view text);

  const JsonNode& root() const { return nodes_.front(); }

 private:
  friend class JsonTextParser;
  JsonText() = default;
  std::vector<JsonNode> nodes_;
  std::deque<std::string> unescaped_;
};

}  // namespace sluice
