// Reading the members of a JSON object that came from outside, with errors that name the member.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sluice::traffic_rules {

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

// An element of an array and its place in the document: "trafficFilter[2]".
struct JsonElement {
  const nlohmann::json* value;
  std::string path;
};

// The members of one object. `json` and `problem` must outlive it; getters of "optional" members
// return nullopt when the member is absent, the others report that.
class JsonFields {
 public:
  // `path` is the object's own place in the document; empty for the document itself.
  JsonFields(const nlohmann::json& json, std::string path, JsonProblem& problem);

  std::string path_of(std::string_view member) const;
  void fail(std::string_view member, std::string message);

  const nlohmann::json* find(const char* member);  // null when absent
  const nlohmann::json* require(const char* member);

  std::string text(const char* member);
  std::optional<std::string> optional_text(const char* member);
  int64_t integer(const char* member, int64_t low, int64_t high);
  std::optional<int64_t> optional_integer(const char* member, int64_t low, int64_t high);
  std::optional<bool> optional_flag(const char* member);

  // The elements of an array of at most `most`; absent: none.
  std::vector<JsonElement> list(const char* member, size_t most);

  // A word of an enumeration; Word has `word` and `value`.
  template <typename Word>
  auto choice(const char* member, std::span<const Word> words) -> decltype(Word::value) {
    const auto chosen = text(member);
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
  const nlohmann::json* object_;  // null: the value is no object (reported)
  std::string path_;
  JsonProblem& problem_;
  std::vector<const char*> asked_;
};

}  // namespace sluice::traffic_rules
