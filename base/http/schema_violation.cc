#include "base/http/schema_violation.h"

#include <algorithm>

namespace sluice::http {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxReferences = 16;  // a chain of $ref longer than this is a loop

const Json* resolve(const Json& root, const Json& schema) {
  const Json* at = &schema;
  for (size_t i = 0; i < kMaxReferences; ++i) {
    const auto ref = at->find("$ref");
    if (ref == at->end()) return at;
    const Json::json_pointer target(ref->get<std::string>().substr(1));
    if (!root.contains(target)) return nullptr;
    at = &root.at(target);
  }
  return nullptr;
}

// Collects every `keyword` that applies to the value reached by `path` from `schema`.
void collect(const Json& root, const Json& schema, std::span<const std::string> path,
             const std::string& keyword, size_t depth, std::vector<Json>& found) {
  const Json* at = resolve(root, schema);
  if (!at || !at->is_object() || depth == 0) return;
  for (const char* combinator : {"allOf", "anyOf", "oneOf"}) {
    for (const auto& alternative : at->value(combinator, Json::array())) {
      collect(root, alternative, path, keyword, depth - 1, found);
    }
  }
  if (path.empty()) {
    if (const auto it = at->find(keyword); it != at->end()) found.push_back(*it);
    return;
  }
  const auto properties = at->find("properties");
  if (properties != at->end() && properties->contains(path.front())) {
    collect(root, properties->at(path.front()), path.subspan(1), keyword, depth - 1, found);
  } else if (at->contains("items")) {
    collect(root, at->at("items"), path.subspan(1), keyword, depth - 1, found);
  } else if (at->contains("additionalProperties")) {
    collect(root, at->at("additionalProperties"), path.subspan(1), keyword, depth - 1, found);
  }
}

std::string plain(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// "A, B, C" of all the found values, arrays opened, each once.
std::string list(const std::vector<Json>& found, std::string_view separator) {
  std::vector<std::string> words;
  for (const auto& value : found) {
    for (const auto& word : value.is_array() ? value : Json::array({value})) {
      if (std::ranges::find(words, plain(word)) == words.end()) words.push_back(plain(word));
    }
  }
  std::string out;
  for (const auto& word : words) out.append(out.empty() ? "" : separator).append(word);
  return out;
}

std::string field_name(const Json& value, const ValuePath& path) {
  std::string out;
  const Json* at = &value;
  for (const auto& step : path) {
    if (at && at->is_array()) {
      out.append("[").append(step).append("]");
      const size_t index = std::strtoul(step.c_str(), nullptr, 10);
      at = index < at->size() ? &(*at)[index] : nullptr;
    } else {
      out.append(out.empty() ? "" : ".").append(step);
      at = at && at->contains(step) ? &(*at)[step] : nullptr;
    }
  }
  return out;
}

}  // namespace

Error explain_violation(const Json& root, const Json& value, const ValuePath& path,
                        std::string_view keyword, std::string_view subject,
                        std::string_view fallback_message) {
  Error error{ErrorCode::kInvalidArgument, {}, field_name(value, path)};
  if (!subject.empty()) {
    error.field.append(error.field.empty() ? "" : ".").append(subject);
    error.message = keyword == "required" ? "is required" : "is not an attribute known here";
    return error;
  }
  std::vector<Json> found;
  constexpr size_t kMaxDepth = 64;
  collect(root, root, path, std::string(keyword), kMaxDepth, found);
  if (found.empty()) {
    error.message = fallback_message;
  } else if (keyword == "enum" || keyword == "const") {
    error.message = "must be one of " + list(found, ", ");
  } else if (keyword == "type") {
    error.message = "must be of type " + list(found, " or ");
  } else if (keyword == "pattern") {
    error.message = "must match " + list(found, " or ");
  } else if (keyword == "minimum" || keyword == "exclusiveMinimum") {
    error.message =
        (keyword == "minimum" ? "must be at least " : "must be more than ") + list(found, " or ");
  } else if (keyword == "maximum" || keyword == "exclusiveMaximum") {
    error.message =
        (keyword == "maximum" ? "must be at most " : "must be less than ") + list(found, " or ");
  } else if (keyword == "minItems") {
    error.message = "needs items: at least " + list(found, " or ");
  } else if (keyword == "maxItems") {
    error.message = "has too many items: at most " + list(found, " or ");
  } else if (keyword == "minLength") {
    error.message = "is too short: at least " + list(found, " or ") + " characters";
  } else if (keyword == "maxLength") {
    error.message = "is too long: at most " + list(found, " or ") + " characters";
  } else {
    error.message = fallback_message;
  }
  return error;
}

}  // namespace sluice::http
