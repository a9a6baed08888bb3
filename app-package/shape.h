// What a document has to look like, as tables, and reading a document by them.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "app-package/problems.h"
#include "app-package/yaml_text.h"

namespace sluice::app_package {

struct Shape;

enum class Type : unsigned char {
  kText,     // not empty
  kInteger,  // within [low, high]
  kNumber,   // within [low, high]
  kFlag,     // true or false
  kWord,     // one of `words`
  kObject,   // of `shape`
  kAny,      // whatever it is: kept as text, lists and objects
};
enum class Number : unsigned char { kOne, kMany, kOneOrMany };  // the last two become arrays

struct Member {
  const char* name;
  Type type = Type::kText;
  bool required = false;
  Number number = Number::kOne;
  const Shape* shape = nullptr;
  std::vector<std::string_view> words = {};
  double low = 0;
  double high = 9e15;
  size_t least = 0;  // of many
};

struct Shape {
  std::vector<Member> members;
};

// Lines of what was read, by path: "appTrafficRule[0].action".
using Lines = std::map<std::string, int, std::less<>>;

// The line of a path, or of the nearest thing around it that has one; 0: none.
int line_of(const Lines& lines, std::string_view path);

// The document as JSON with the types that the shape asks for. Everything that does not fit, is
// missing, or is not in the shape, goes to `problems` with its line; what did fit is in the result.
nlohmann::json read_by_shape(const YamlNode& node, const Shape& shape, const std::string& file,
                             Problems& problems, Lines& lines);

}  // namespace sluice::app_package
