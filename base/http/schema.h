// JSON Schema as OpenAPI uses it, compiled once and checked often.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sluice::http {

// Immutable after compile(); check() may run on several threads at a time.
class Schema {
 public:
  // `schema` may refer to `components` by "#/components/...". OpenAPI 3.0's `nullable` is honoured.
  static Result<std::shared_ptr<const Schema>> compile(const nlohmann::json& schema,
                                                       const nlohmann::json& components);
  ~Schema();

  // The first violation found, its field as a path from the value: "trafficFilter[0].priority".
  Result<void> check(const nlohmann::json& value) const;

 private:
  struct Compiled;
  explicit Schema(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

// A schema for text that stands for a scalar: path, query and header parameters.
class ParameterSchema {
 public:
  enum class Type : uint8_t { kString, kInteger, kNumber, kBoolean };

  ParameterSchema() = default;  // any string
  static Result<ParameterSchema> compile(const nlohmann::json& schema,
                                         const nlohmann::json& components);

  // Reads `text` as the declared type and checks the rest of the schema.
  Result<void> check(std::string_view text) const;

 private:
  // Whether text of so many octets, all of them ASCII, is right whatever it says: the schema asks
  // for nothing but a length. Most parameters are ids, and the general way takes a microsecond.
  struct Lengths {
    size_t min = 0;
    size_t max = static_cast<size_t>(-1);
  };
  static std::optional<Lengths> lengths_of(const nlohmann::json& schema);

  Type type_ = Type::kString;
  std::optional<Lengths> lengths_;
  std::shared_ptr<const Schema> schema_;
};

}  // namespace sluice::http
