#include "traffic-rules/json_fields.h"

#include <algorithm>
#include <limits>

namespace sluice::traffic_rules {

using nlohmann::json;

JsonFields::JsonFields(const json& value, std::string path, JsonProblem& problem)
    : object_(value.is_object() ? &value : nullptr), path_(std::move(path)), problem_(problem) {
  if (object_ == nullptr) {
    problem_.add(path_, fmt::format("must be an object, is {}", value.type_name()));
  }
}

std::string JsonFields::path_of(std::string_view member) const {
  return path_.empty() ? std::string(member) : fmt::format("{}.{}", path_, member);
}

void JsonFields::fail(std::string_view member, std::string message) {
  problem_.add(path_of(member), std::move(message));
}

const json* JsonFields::find(const char* member) {
  asked_.push_back(member);
  if (object_ == nullptr) return nullptr;
  const auto found = object_->find(member);
  return found == object_->end() ? nullptr : &*found;
}

const json* JsonFields::require(const char* member) {
  const auto* value = find(member);
  if (value == nullptr) fail(member, "is required");
  return value;
}

std::optional<std::string> JsonFields::optional_text(const char* member) {
  const auto* value = find(member);
  if (value == nullptr) return std::nullopt;
  if (const auto* text = value->get_ptr<const std::string*>()) return *text;
  fail(member, fmt::format("must be a string, is {}", value->type_name()));
  return std::nullopt;
}

std::string JsonFields::text(const char* member) {
  auto text = optional_text(member);
  if (!text) fail(member, "is required");  // kept only when nothing worse was found
  return std::move(text).value_or(std::string());
}

std::optional<int64_t> JsonFields::optional_integer(const char* member, int64_t low, int64_t high) {
  const auto* value = find(member);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer()) {
    fail(member, fmt::format("must be an integer, is {}",
                             value->is_number() ? value->dump() : value->type_name()));
    return std::nullopt;
  }
  constexpr auto kLargest = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  const bool too_large = value->is_number_unsigned() && value->get<uint64_t>() > kLargest;
  if (too_large || value->get<int64_t>() < low || value->get<int64_t>() > high) {
    fail(member, fmt::format("{} is not within {}..{}", value->dump(), low, high));
    return std::nullopt;
  }
  return value->get<int64_t>();
}

int64_t JsonFields::integer(const char* member, int64_t low, int64_t high) {
  const auto value = optional_integer(member, low, high);
  if (!value) fail(member, "is required");
  return value.value_or(low);
}

std::optional<bool> JsonFields::optional_flag(const char* member) {
  const auto* value = find(member);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  fail(member, fmt::format("must be true or false, is {}", value->type_name()));
  return std::nullopt;
}

std::vector<JsonElement> JsonFields::list(const char* member, size_t most) {
  const auto* value = find(member);
  if (value == nullptr) return {};
  if (!value->is_array()) {
    fail(member, fmt::format("must be an array, is {}", value->type_name()));
    return {};
  }
  if (value->size() > most) {
    fail(member, fmt::format("has {} elements, {} are possible", value->size(), most));
    return {};
  }
  std::vector<JsonElement> elements;
  elements.reserve(value->size());
  const auto path = path_of(member);
  for (const auto& element : *value) {
    elements.push_back({&element, fmt::format("{}[{}]", path, elements.size())});
  }
  return elements;
}

void JsonFields::refuse_unknown() {
  if (object_ == nullptr) return;
  for (const auto& [member, value] : object_->items()) {
    const bool known = std::any_of(asked_.begin(), asked_.end(),
                                   [&](const char* asked) { return member == asked; });
    if (!known) fail(shortened(member), "is not a member of this type");
  }
}

std::string JsonFields::shortened(std::string_view text) {
  constexpr size_t kLongest = 64;
  if (text.size() <= kLongest) return std::string(text);
  size_t end = kLongest;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;  // whole UTF-8 only
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace sluice::traffic_rules
