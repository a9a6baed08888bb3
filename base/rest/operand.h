// One value of a filter expression, compared with members of whatever type they turn out to have.
#pragma once

#include <compare>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::rest {

// Nanoseconds since 1970 of an RFC 3339 date-time; nothing when the text is none. Years 1678 to
// 2262, which is what the count holds.
std::optional<int64_t> parse_date_time(std::string_view text);

class Operand {
 public:
  explicit Operand(std::string text);

  const std::string& text() const { return text_; }
  bool is_instant() const { return instant_.has_value(); }

  // How a member stands to this value: numbers as numbers, date-times as instants, other strings
  // byte by byte; booleans only equal or not. Unordered when the two cannot be compared.
  std::partial_ordering compare(const nlohmann::json& member) const;

 private:
  std::string text_;
  // As far as the text reads as one.
  std::variant<std::monostate, int64_t, uint64_t, double> number_;
  std::optional<int64_t> instant_;
};

}  // namespace sluice::rest
