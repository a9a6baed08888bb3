// Attribute-based filters (MEC 009 §6.19, NFV-SOL 013 §5.2): "(eq,action,DROP);(gt,priority,10)".
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/rest/attribute_path.h"
#include "base/rest/operand.h"

namespace sluice::rest {

inline constexpr size_t kMaxFilterLength = 4096;  // octets, percent-decoded
inline constexpr size_t kMaxExpressions = 16;
inline constexpr size_t kMaxValues = 64;  // of one expression

enum class FilterOperator : uint8_t {
  kEq,
  kNeq,
  kGt,
  kGte,
  kLt,
  kLte,
  kIn,     // equal to one of the values
  kNin,    // equal to none
  kCont,   // a string that has one of the values in it
  kNcont,  // a string that has none
};

class AttributeFilter {
 public:
  // Reads `(op,path,value[,value...])` expressions separated by ";". A value with "," ")" or "'" in
  // it stands in single quotes, where "'" is written twice. kInvalidArgument says at which octet
  // and why; every bound above and kMaxPathDepth is checked.
  static Result<AttributeFilter> parse(std::string_view text);

  // Whether every expression holds. Where a path goes through arrays, one of their elements has to
  // satisfy all expressions on that path. A member that is not there, null or an object satisfies
  // no expression; one that cannot be compared with the value satisfies kNeq and kNin alone.
  bool matches(const nlohmann::json& item) const;
  // The same for an item that is JSON text, as nlohmann writes it without blanks.
  bool matches_text(std::string_view item) const;
  // How often matches_text() goes through a text at most.
  size_t passes() const { return groups_.size(); }

  // What a string member has to be equal to one of, when the filter says so ("eq", "in"): for
  // looking items up instead of going through all. Nothing when it may have other values.
  std::optional<std::vector<std::string>> required(const AttributePath& path) const;

 private:
  struct Condition {
    FilterOperator op = FilterOperator::kEq;
    std::vector<Operand> values;  // one, or more for kIn, kNin, kCont and kNcont

    bool holds(const nlohmann::json& member) const;
  };
  struct Group {
    AttributePath path;
    std::vector<Condition> conditions;

    bool admits(const nlohmann::json& member) const;
  };
  friend class FilterReader;

  std::vector<Group> groups_;  // by path, in the order of their first expression
};

}  // namespace sluice::rest
