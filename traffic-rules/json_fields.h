// Reading the members of a JSON object that came from outside, with errors that name the member.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json_text.h"

namespace sluice::traffic_rules {

// The place of a value in a document, "trafficFilter[2].dstPort", put into words only when somebody
// asks: nearly always nobody does. One that was made of another must not outlive it.
class JsonPath {
 public:
  JsonPath() = default;                                      // the document itself
  JsonPath(std::string place) : begin_(std::move(place)) {}  // NOLINT: places are paths
  JsonPath(const char* place) : begin_(place) {}             // NOLINT
  JsonPath member(std::string_view name) const { return {this, name, kNoIndex}; }
  JsonPath element(std::string_view list, size_t index) const { return {this, list, index}; }

  std::string to_string() const;
  operator std::string() const { return to_string(); }  // NOLINT: for those who note problems

 private:
  static constexpr size_t kNoIndex = ~size_t{0};
  JsonPath(const JsonPath* parent, std::string_view member, size_t index)
      : parent_(parent), member_(member), index_(index) {}

  const JsonPath* parent_ = nullptr;
  std::string_view member_;
  size_t index_ = kNoIndex;
  std::string begin_;  // without a parent
};

// The first problem of a document. Readers that share one go on with neutral values after a
// problem; whoever started the reading asks at the end.
class JsonProblem {
 public:
  void add(std::string field, std::string message) {
    if (!error_) error_ = Error{ErrorCode::kInvalidArgument, std::move(message), std::move(field)};
  }
  bool found() const { return error_.has_value(); }
  // `value`, or the problem.
  template <typename T>
  Result<T> result(T value) {
    if (error_) return std::unexpected(*error_);
    return value;
  }

 private:
  std::optional<Error> error_;
};

// An element of an array and its place in the document: "trafficFilter[2]". Valid as long as the
// fields that it is from.
template <typename Json>
struct BasicJsonElement {
  const Json* value;
  JsonPath path;
};

// The text of a value; nothing when it is no string.
std::optional<std::string_view> text_of(const nlohmann::json& value);
std::optional<std::string_view> text_of(const JsonNode& value);
// "null", "boolean", "number", ...
const char* type_name_of(const nlohmann::json& value);
const char* type_name_of(const JsonNode& value);

// The members of one object, of either kind of document. `json` and `problem` must outlive it;
// getters of "optional" members return nullopt when the member is absent, the others report that.
template <typename Json>
class BasicJsonFields {
 public:
  // `path` is the object's own place in the document; empty for the document itself.
  BasicJsonFields(const Json& json, JsonPath path, JsonProblem& problem);
  BasicJsonFields(const BasicJsonFields&) = delete;
  BasicJsonFields& operator=(const BasicJsonFields&) = delete;

  // `member` is a literal: the path refers to it.
  JsonPath path_of(std::string_view member) const { return path_.member(member); }
  void fail(std::string_view member, std::string message);

  const Json* find(const char* member);  // null when absent
  const Json* require(const char* member);

  std::string text(const char* member) { return std::string(text_view(member)); }
  std::string_view text_view(const char* member);  // valid as long as the document
  std::optional<std::string> optional_text(const char* member);
  int64_t integer(const char* member, int64_t low, int64_t high);
  std::optional<int64_t> optional_integer(const char* member, int64_t low, int64_t high);
  std::optional<bool> optional_flag(const char* member);

  // The elements of an array of at most `most`; absent: none.
  std::vector<BasicJsonElement<Json>> list(const char* member, size_t most);

  // A word of an enumeration; Word has `word` and `value`.
  template <typename Word>
  auto choice(const char* member, std::span<const Word> words) -> decltype(Word::value) {
    const auto chosen = text_view(member);
    for (const auto& entry : words) {
      if (chosen == entry.word) return entry.value;
    }
    std::string all;
    for (const auto& entry : words) all += (all.empty() ? "" : ", ") + std::string(entry.word);
    fail(member, fmt::format("'{}' is not one of {}", shortened(chosen), all));
    return words.front().value;
  }

  // Reports the first member that no getter asked for.
  void refuse_unknown();

  // For quoting input in a message: cut when long.
  static std::string shortened(std::string_view text);

 private:
  std::optional<std::string_view> find_text(const char* member);

  const Json* object_;  // null: the value is no object (reported)
  JsonPath path_;
  JsonProblem& problem_;
  std::vector<const char*> asked_;
};

extern template class BasicJsonFields<nlohmann::json>;
extern template class BasicJsonFields<JsonNode>;

using JsonElement = BasicJsonElement<nlohmann::json>;
using JsonFields = BasicJsonFields<nlohmann::json>;

}  // namespace sluice::traffic_rules
