#include "traffic-rules/json_fields.h"

#include <algorithm>
#include <limits>

namespace sluice::traffic_rules {
namespace {

using nlohmann::json;

constexpr size_t kUsualMembers = 16;

// --- what the two kinds of documents have in common ---

bool is_object(const json& value) { return value.is_object(); }
bool is_object(const JsonNode& value) { return value.kind() == JsonNode::Kind::kObject; }
bool is_array(const json& value) { return value.is_array(); }
bool is_array(const JsonNode& value) { return value.kind() == JsonNode::Kind::kArray; }

const json* member_of(const json& object, const char* member) {
  const auto found = object.find(member);
  return found == object.end() ? nullptr : &*found;
}
const JsonNode* member_of(const JsonNode& object, const char* member) {
  return object.find(member);
}

template <typename Visit>
void each_element(const json& array, Visit visit) {
  for (const auto& element : array) visit(element);
}
template <typename Visit>
void each_element(const JsonNode& array, Visit visit) {
  const JsonNode* element = array.first();
  for (size_t i = 0; i < array.size(); ++i, element = element->next()) visit(*element);
}

template <typename Visit>
void each_name(const json& object, Visit visit) {
  for (const auto& [name, value] : object.items()) visit(std::string_view(name));
}
template <typename Visit>
void each_name(const JsonNode& object, Visit visit) {
  const JsonNode* name = object.first();
  for (size_t i = 0; i < object.size(); ++i, name = name->next()->next()) visit(name->text());
}

bool is_number(const json& value) { return value.is_number(); }
bool is_number(const JsonNode& value) {
  return value.kind() == JsonNode::Kind::kInteger || value.kind() == JsonNode::Kind::kReal;
}
bool is_integer(const json& value) { return value.is_number_integer(); }
bool is_integer(const JsonNode& value) { return value.kind() == JsonNode::Kind::kInteger; }

std::optional<int64_t> integer_of(const json& value) {
  constexpr auto kLargest = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (value.is_number_unsigned() && value.get<uint64_t>() > kLargest) return std::nullopt;
  return value.get<int64_t>();
}
std::optional<int64_t> integer_of(const JsonNode& value) { return value.integer(); }

std::string number_text(const json& value) { return value.dump(); }
std::string number_text(const JsonNode& value) { return value.number_text(); }

std::optional<bool> flag_of(const json& value) {
  return value.is_boolean() ? std::optional(value.get<bool>()) : std::nullopt;
}
std::optional<bool> flag_of(const JsonNode& value) {
  return value.kind() == JsonNode::Kind::kBoolean ? std::optional(value.flag()) : std::nullopt;
}

}  // namespace

std::optional<std::string_view> text_of(const json& value) {
  const auto* text = value.get_ptr<const std::string*>();
  return text == nullptr ? std::nullopt : std::optional<std::string_view>(*text);
}
std::optional<std::string_view> text_of(const JsonNode& value) {
  if (value.kind() != JsonNode::Kind::kString) return std::nullopt;
  return value.text();
}

const char* type_name_of(const json& value) { return value.type_name(); }
const char* type_name_of(const JsonNode& value) { return value.type_name(); }

std::string JsonPath::to_string() const {
  if (parent_ == nullptr) return begin_;
  std::string out = parent_->to_string();
  if (!out.empty()) out.push_back('.');
  out += member_;
  if (index_ != kNoIndex) out += fmt::format("[{}]", index_);
  return out;
}

template <typename Json>
BasicJsonFields<Json>::BasicJsonFields(const Json& value, JsonPath path, JsonProblem& problem)
    : object_(is_object(value) ? &value : nullptr), path_(std::move(path)), problem_(problem) {
  asked_.reserve(kUsualMembers);
  if (object_ == nullptr) {
    problem_.add(path_, fmt::format("must be an object, is {}", type_name_of(value)));
  }
}

template <typename Json>
void BasicJsonFields<Json>::fail(std::string_view member, std::string message) {
  problem_.add(path_of(member), std::move(message));
}

template <typename Json>
const Json* BasicJsonFields<Json>::find(const char* member) {
  asked_.push_back(member);
  return object_ == nullptr ? nullptr : member_of(*object_, member);
}

template <typename Json>
const Json* BasicJsonFields<Json>::require(const char* member) {
  const auto* value = find(member);
  if (value == nullptr) fail(member, "is required");
  return value;
}

template <typename Json>
std::optional<std::string_view> BasicJsonFields<Json>::find_text(const char* member) {
  const auto* value = find(member);
  if (value == nullptr) return std::nullopt;
  const auto text = text_of(*value);
  if (!text) fail(member, fmt::format("must be a string, is {}", type_name_of(*value)));
  return text;
}

template <typename Json>
std::optional<std::string> BasicJsonFields<Json>::optional_text(const char* member) {
  const auto text = find_text(member);
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

template <typename Json>
std::string_view BasicJsonFields<Json>::text_view(const char* member) {
  const auto text = find_text(member);
  if (!text) fail(member, "is required");  // kept only when nothing worse was found
  return text.value_or(std::string_view());
}

template <typename Json>
std::optional<int64_t> BasicJsonFields<Json>::optional_integer(const char* member, int64_t low,
                                                               int64_t high) {
  const auto* value = find(member);
  if (value == nullptr) return std::nullopt;
  if (!is_integer(*value)) {
    fail(member, fmt::format("must be an integer, is {}",
                             is_number(*value) ? number_text(*value) : type_name_of(*value)));
    return std::nullopt;
  }
  const auto number = integer_of(*value);
  if (!number || *number < low || *number > high) {
    fail(member, fmt::format("{} is not within {}..{}", number_text(*value), low, high));
    return std::nullopt;
  }
  return number;
}

template <typename Json>
int64_t BasicJsonFields<Json>::integer(const char* member, int64_t low, int64_t high) {
  const auto value = optional_integer(member, low, high);
  if (!value) fail(member, "is required");
  return value.value_or(low);
}

template <typename Json>
std::optional<bool> BasicJsonFields<Json>::optional_flag(const char* member) {
  const auto* value = find(member);
  if (value == nullptr) return std::nullopt;
  const auto flag = flag_of(*value);
  if (!flag) fail(member, fmt::format("must be true or false, is {}", type_name_of(*value)));
  return flag;
}

template <typename Json>
std::vector<BasicJsonElement<Json>> BasicJsonFields<Json>::list(const char* member, size_t most) {
  const auto* value = find(member);
  if (value == nullptr) return {};
  if (!is_array(*value)) {
    fail(member, fmt::format("must be an array, is {}", type_name_of(*value)));
    return {};
  }
  if (value->size() > most) {
    fail(member, fmt::format("has {} elements, {} are possible", value->size(), most));
    return {};
  }
  std::vector<BasicJsonElement<Json>> elements;
  elements.reserve(value->size());
  each_element(*value, [&](const Json& element) {
    elements.push_back({&element, path_.element(member, elements.size())});
  });
  return elements;
}

template <typename Json>
void BasicJsonFields<Json>::refuse_unknown() {
  if (object_ == nullptr) return;
  each_name(*object_, [&](std::string_view member) {
    const bool known =
        std::ranges::any_of(asked_, [&](const char* asked) { return member == asked; });
    if (!known) fail(shortened(member), "is not a member of this type");
  });
}

template <typename Json>
std::string BasicJsonFields<Json>::shortened(std::string_view text) {
  constexpr size_t kLongest = 64;
  if (text.size() <= kLongest) return std::string(text);
  size_t end = kLongest;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;  // whole UTF-8 only
  return std::string(text.substr(0, end)) + "...";
}

template class BasicJsonFields<json>;
template class BasicJsonFields<JsonNode>;

}  // namespace sluice::traffic_rules
