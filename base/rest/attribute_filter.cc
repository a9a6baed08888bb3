#include "base/rest/attribute_filter.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace sluice::rest {
namespace {

using nlohmann::json;

struct OperatorWord {
  std::string_view word;
  FilterOperator op;
  bool takes_list;
};

constexpr std::array<OperatorWord, 10> kOperators = {{
    {"eq", FilterOperator::kEq, false},
    {"neq", FilterOperator::kNeq, false},
    {"gt", FilterOperator::kGt, false},
    {"gte", FilterOperator::kGte, false},
    {"lt", FilterOperator::kLt, false},
    {"lte", FilterOperator::kLte, false},
    {"in", FilterOperator::kIn, true},
    {"nin", FilterOperator::kNin, true},
    {"cont", FilterOperator::kCont, true},
    {"ncont", FilterOperator::kNcont, true},
}};

bool contains(const json& member, const Operand& value) {
  return member.get_ref<const std::string&>().find(value.text()) != std::string::npos;
}

}  // namespace

// Reads a filter from left to right.
class FilterReader {
 public:
  explicit FilterReader(std::string_view text) : text_(text) {}

  Result<AttributeFilter> read();

 private:
  template <typename... Args>
  std::unexpected<Error> error(fmt::format_string<Args...> format, Args&&... args) const {
    return fail(ErrorCode::kInvalidArgument, "at octet {}: {}", at_ + 1,
                fmt::format(format, std::forward<Args>(args)...));
  }
  bool at(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool take(char c) {
    if (!at(c)) return false;
    ++at_;
    return true;
  }
  std::string_view until(std::string_view terminators) {
    const auto out = text_.substr(at_, text_.find_first_of(terminators, at_) - at_);
    at_ += out.size();
    return out;
  }
  Result<void> expression(AttributeFilter& filter);
  Result<std::string> value();

  std::string_view text_;
  size_t at_ = 0;
};

Result<AttributeFilter> FilterReader::read() {
  if (text_.size() > kMaxFilterLength) {
    return fail(ErrorCode::kInvalidArgument, "has more than {} octets", kMaxFilterLength);
  }
  AttributeFilter filter;
  for (size_t count = 1;; ++count) {
    if (count > kMaxExpressions) return error("more than {} expressions", kMaxExpressions);
    if (auto ok = expression(filter); !ok) return std::unexpected(ok.error());
    if (at_ == text_.size()) return filter;
    if (!take(';')) return error("expressions are separated by \";\"");
  }
}

Result<void> FilterReader::expression(AttributeFilter& filter) {
  if (!take('(')) return error("an expression is (operator,attribute,value)");
  const auto start = at_;
  const auto word = until(",)");
  const auto* const found = std::ranges::find(kOperators, word, &OperatorWord::word);
  if (found == kOperators.end()) {
    at_ = start;
    return error("the operators are eq, neq, gt, gte, lt, lte, in, nin, cont and ncont");
  }
  if (!take(',')) return error("an attribute has to follow the operator");
  auto path = parse_attribute_path(until(",)"));
  if (!path) return error("{}", path.error().message);

  AttributeFilter::Condition condition{found->op, {}};
  while (take(',')) {
    if (condition.values.size() == kMaxValues) return error("more than {} values", kMaxValues);
    if (!condition.values.empty() && !found->takes_list) return error("{} takes one value", word);
    auto text = value();
    if (!text) return std::unexpected(text.error());
    condition.values.emplace_back(std::move(*text));
  }
  if (condition.values.empty()) return error("a value has to follow the attribute");
  if (!take(')')) return error("\")\" has to end the expression");

  auto group = std::ranges::find(filter.groups_, *path, &AttributeFilter::Group::path);
  if (group == filter.groups_.end()) {
    filter.groups_.push_back({std::move(*path), {}});
    group = std::prev(filter.groups_.end());
  }
  group->conditions.push_back(std::move(condition));
  return {};
}

Result<std::string> FilterReader::value() {
  if (!at('\'')) {
    const auto out = until(",)'");
    if (out.empty()) return error("a value is missing; the empty string is ''");
    if (at('\'')) return error("a value with \"'\" in it stands in quotes, where it is written ''");
    return std::string(out);
  }
  ++at_;
  std::string out;
  while (true) {
    out.append(until("'"));
    if (!take('\'')) return error("a quote is not closed");
    if (!take('\'')) break;
    out.push_back('\'');
  }
  if (at_ < text_.size() && !at(',') && !at(')')) {
    return error("\",\" or \")\" has to follow a closing quote");
  }
  return out;
}

Result<AttributeFilter> AttributeFilter::parse(std::string_view text) {
  return FilterReader(text).read();
}

bool AttributeFilter::Condition::holds(const json& member) const {
  if (member.is_null() || member.is_object()) return false;
  const auto equals = [&](const Operand& v) { return std::is_eq(v.compare(member)); };
  const auto has = [&](const Operand& v) { return contains(member, v); };
  switch (op) {
    case FilterOperator::kEq:
    case FilterOperator::kIn:
      return std::ranges::any_of(values, equals);
    case FilterOperator::kNeq:
    case FilterOperator::kNin:
      return std::ranges::none_of(values, equals);
    case FilterOperator::kGt:
      return std::is_gt(values[0].compare(member));
    case FilterOperator::kGte:
      return std::is_gteq(values[0].compare(member));
    case FilterOperator::kLt:
      return std::is_lt(values[0].compare(member));
    case FilterOperator::kLte:
      return std::is_lteq(values[0].compare(member));
    case FilterOperator::kCont:
      return member.is_string() && std::ranges::any_of(values, has);
    case FilterOperator::kNcont:
      return member.is_string() && std::ranges::none_of(values, has);
  }
  return false;
}

bool AttributeFilter::Group::admits(const json& member) const {
  return std::ranges::all_of(conditions, [&](const Condition& c) { return c.holds(member); });
}

bool AttributeFilter::matches(const json& item) const {
  return std::ranges::all_of(groups_, [&](const Group& group) {
    return any_at(item, group.path, [&](const json& member) { return group.admits(member); });
  });
}

bool AttributeFilter::matches_text(std::string_view item) const {
  return std::ranges::all_of(groups_, [&](const Group& group) {
    return any_in_text(item, group.path, [&](const json& member) { return group.admits(member); });
  });
}

std::optional<std::vector<std::string>> AttributeFilter::required(const AttributePath& path) const {
  const auto group = std::ranges::find(groups_, path, &Group::path);
  if (group == groups_.end()) return std::nullopt;
  for (const auto& condition : group->conditions) {
    if (condition.op != FilterOperator::kEq && condition.op != FilterOperator::kIn) continue;
    // Instants are equal in many spellings.
    if (std::ranges::any_of(condition.values, &Operand::is_instant)) continue;
    std::vector<std::string> out;
    for (const auto& value : condition.values) out.push_back(value.text());
    return out;
  }
  return std::nullopt;
}

}  // namespace sluice::rest
