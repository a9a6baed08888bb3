#include "base/http/schema.h"

#include <algorithm>
#include <charconv>
#include <cmath>

// Without it the library ends the process where a schema is wrong.
#define VALIJSON_USE_EXCEPTIONS 1
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "base/http/schema_violation.h"

namespace sluice::http {
namespace {

using Json = nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

// The validator matches patterns by std::regex, which recurses once per character: longer text
// could exhaust a thread's stack.
constexpr size_t kMaxPatternText = 1024;

// Rewrites what OpenAPI 3.0 says in its own dialect as JSON Schema draft 7; 3.1 passes unchanged. A
// format is left to whoever reads the value: the validator throws where the value is not text, and
// matches text of any length by std::regex, which recurses for each character of it.
void to_draft7(Json& node) {
  if (node.is_array()) {
    for (auto& item : node) to_draft7(item);
  }
  if (!node.is_object()) return;
  const auto flag = [&](const char* name) {
    const auto it = node.find(name);
    return it != node.end() && it->is_boolean() && it->get<bool>();
  };
  if (node.contains("format") && node["format"].is_string()) node.erase("format");
  if (flag("nullable") && node.contains("type") && node["type"].is_string()) {
    node["type"] = Json::array({node["type"], "null"});
    if (node.contains("enum")) node["enum"].push_back(nullptr);
  }
  for (const auto& [exclusive, limit] :
       {std::pair{"exclusiveMinimum", "minimum"}, std::pair{"exclusiveMaximum", "maximum"}}) {
    if (!node.contains(exclusive) || !node[exclusive].is_boolean()) continue;
    const bool applies = node[exclusive].get<bool>() && node.contains(limit);
    node.erase(exclusive);
    if (!applies) continue;
    node[exclusive] = node[limit];
    node.erase(limit);
  }
  for (auto& item : node.items()) to_draft7(item.value());
}

bool has_pattern(const Json& node) {
  if (node.is_object() && node.contains("pattern") && node["pattern"].is_string()) return true;
  return node.is_structured() && std::ranges::any_of(node, has_pattern);
}

// The path of the first text that is too long to be matched against a pattern.
bool find_long_text(const Json& value, ValuePath& path) {
  if (value.is_string()) return value.get_ref<const std::string&>().size() > kMaxPatternText;
  if (!value.is_structured()) return false;
  size_t index = 0;
  for (const auto& item : value.items()) {
    path.push_back(value.is_array() ? std::to_string(index++) : item.key());
    if (find_long_text(item.value(), path)) return true;
    path.pop_back();
  }
  return false;
}

// Which keyword a validator's sentence is about; the sentences are valijson's.
struct Sentence {
  std::string_view prefix;
  std::string_view keyword;
};
constexpr Sentence kSentences[] = {
    {"Missing required property '", "required"},
    {"Object contains a property that could not be validated", "additionalProperties"},
    {"Failed to match against any enum values", "enum"},
    {"Failed to match expected value set by 'const'", "const"},
    {"Value type not permitted", "type"},
    {"Failed to match regex", "pattern"},
    {"Expected number less than or equal to", "maximum"},
    {"Expected number less than", "exclusiveMaximum"},
    {"Expected number greater than or equal to", "minimum"},
    {"Expected number greater than", "exclusiveMinimum"},
    {"Array should contain no more", "maxItems"},
    {"Array should contain no fewer", "minItems"},
    {"String should be no more", "maxLength"},
    {"String should be no fewer", "minLength"},
};

std::string_view keyword_of(std::string_view sentence) {
  for (const auto& [prefix, keyword] : kSentences) {
    if (sentence.starts_with(prefix)) return keyword;
  }
  return {};
}

// The deepest finding is the cause; the others follow from it. Among alternatives the one of the
// value's own type is what the author meant, so that "type" tells less than any other keyword.
std::pair<size_t, int> weight(const valijson::ValidationResults::Error& found) {
  const auto keyword = keyword_of(found.description);
  return {found.context.size(), keyword.empty() ? 0 : keyword == "type" ? 1 : 2};
}

std::string_view quoted_name(std::string_view sentence) {
  const auto first = sentence.rfind('\'', sentence.rfind('\'') - 1);
  return sentence.substr(first + 1, sentence.rfind('\'') - first - 1);
}

Error to_error(const Json& root, const Json& value,
               const valijson::ValidationResults::Error& found) {
  ValuePath path;
  for (size_t i = 1; i < found.context.size(); ++i) {  // [0] is "<root>"; the others are "[name]"
    path.push_back(found.context[i].substr(1, found.context[i].size() - 2));
  }
  const std::string_view sentence = found.description;
  const auto keyword = keyword_of(sentence);
  const bool named = keyword == "required" || keyword == "additionalProperties";
  return explain_violation(root, value, path, keyword,
                           named ? quoted_name(sentence) : std::string_view(), sentence);
}

}  // namespace

struct Schema::Compiled {
  Json root;
  bool bounded_text = false;  // some pattern applies somewhere
  valijson::Schema schema;
};

Schema::Schema(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
Schema::~Schema() = default;

Result<std::shared_ptr<const Schema>> Schema::compile(const Json& schema, const Json& components) {
  auto compiled = std::make_unique<Compiled>();
  // The schema goes below the root, so that "#/components/..." finds its way even where the schema
  // itself is nothing but a reference.
  compiled->root = Json{{"allOf", Json::array({schema})}, {"components", components}};
  to_draft7(compiled->root);
  compiled->bounded_text = has_pattern(compiled->root);
  try {
    valijson::SchemaParser(valijson::SchemaParser::kDraft7)
        .populateSchema(Adapter(compiled->root), compiled->schema);
  } catch (const std::exception& e) {
    return fail(ErrorCode::kInvalidArgument, "schema: {}", e.what());
  }
  return std::shared_ptr<const Schema>(new Schema(std::move(compiled)));
}

Result<void> Schema::check(const Json& value) const {
  ValuePath path;
  if (compiled_->bounded_text && find_long_text(value, path)) {
    return std::unexpected(explain_violation(
        compiled_->root, value, path, {}, {},
        "is too long: at most " + std::to_string(kMaxPatternText) + " characters"));
  }
  // Caches compiled patterns, which is not safe to share between threads.
  thread_local valijson::Validator validator;
  const Adapter target(value);
  if (validator.validate(compiled_->schema, target, nullptr)) return {};

  // Once more, now collecting.
  valijson::ValidationResults results;
  validator.validate(compiled_->schema, target, &results);
  const valijson::ValidationResults::Error* cause = nullptr;
  for (const auto& found : results) {
    if (!cause || weight(found) > weight(*cause)) cause = &found;
  }
  if (!cause) return fail(ErrorCode::kInvalidArgument, "does not match the schema");
  return std::unexpected(to_error(compiled_->root, value, *cause));
}

Result<ParameterSchema> ParameterSchema::compile(const Json& schema, const Json& components) {
  ParameterSchema out;
  const Json* typed = &schema;
  if (const auto ref = schema.find("$ref"); ref != schema.end()) {
    const auto name = ref->get<std::string>();
    const Json::json_pointer target(name.substr(std::min(name.size(), name.find('/', 2))));
    if (!name.starts_with("#/components/") || !components.contains(target)) {
      return fail(ErrorCode::kInvalidArgument, "{} does not exist", name);
    }
    typed = &components.at(target);
  }
  const auto type = typed->value("type", Json("string"));
  if (type == "string") {
    out.type_ = Type::kString;
  } else if (type == "integer") {
    out.type_ = Type::kInteger;
  } else if (type == "number") {
    out.type_ = Type::kNumber;
  } else if (type == "boolean") {
    out.type_ = Type::kBoolean;
  } else {
    return fail(ErrorCode::kInvalidArgument, "type {} cannot be read from a parameter",
                type.dump());
  }
  auto compiled = Schema::compile(schema, components);
  if (!compiled) return std::unexpected(compiled.error());
  out.schema_ = std::move(*compiled);
  if (out.type_ == Type::kString) out.lengths_ = lengths_of(*typed);
  return out;
}

std::optional<ParameterSchema::Lengths> ParameterSchema::lengths_of(const Json& schema) {
  Lengths out;
  for (const auto& [keyword, value] : schema.items()) {
    if (keyword == "minLength" && value.is_number_integer()) {
      out.min = value.get<size_t>();
    } else if (keyword == "maxLength" && value.is_number_integer()) {
      out.max = value.get<size_t>();
    } else if (keyword != "type" && keyword != "description" && keyword != "title" &&
               keyword != "example" && keyword != "format") {
      return std::nullopt;
    }
  }
  return out;
}

Result<void> ParameterSchema::check(std::string_view text) const {
  if (!schema_) return {};
  if (lengths_ && text.size() >= lengths_->min && text.size() <= lengths_->max &&
      std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
    return {};
  }
  Json value;
  const char* const end = text.data() + text.size();
  switch (type_) {
    case Type::kString:
      value = text;
      break;
    case Type::kInteger: {
      int64_t number = 0;
      const auto [at, error] = std::from_chars(text.data(), end, number);
      if (error != std::errc() || at != end) {
        return fail(ErrorCode::kInvalidArgument, "must be of type integer");
      }
      value = number;
      break;
    }
    case Type::kNumber: {
      double number = 0;
      const auto [at, error] = std::from_chars(text.data(), end, number);
      if (error != std::errc() || at != end || !std::isfinite(number)) {
        return fail(ErrorCode::kInvalidArgument, "must be of type number");
      }
      value = number;
      break;
    }
    case Type::kBoolean:
      if (text != "true" && text != "false") {
        return fail(ErrorCode::kInvalidArgument, "must be true or false");
      }
      value = text == "true";
      break;
  }
  return schema_->check(value);
}

}  // namespace sluice::http
