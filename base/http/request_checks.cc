// What a request must pass before its handler runs.
#include "base/http/contract.h"
#include "base/http/json_text.h"

namespace sluice::http {
namespace {

Error named(const Parameter& parameter, Error error) {
  error.field = parameter.name;
  return error;
}

// Each value of an array may come as an item of its own or separated by commas.
Result<void> check_values(const Parameter& parameter, std::string_view text) {
  while (true) {
    const auto value = parameter.is_array ? text.substr(0, text.find(',')) : text;
    if (auto ok = parameter.schema.check(value); !ok) {
      return std::unexpected(named(parameter, std::move(ok.error())));
    }
    if (value.size() == text.size()) return {};
    text.remove_prefix(value.size() + 1);
  }
}

// Calls check(value) for each value that the request has for it, until one fails.
template <typename Check>
Result<void> for_each_value(const Parameter& parameter, const Request& request, Check check) {
  switch (parameter.in) {
    case Parameter::In::kPath:
      return check(request.path_param(parameter.name));
    case Parameter::In::kQuery:
      for (const auto& [name, value] : request.query) {
        if (name != parameter.name) continue;
        if (auto ok = check(value); !ok) return ok;
      }
      return {};
    case Parameter::In::kHeader:
      if (const auto value = request.headers.get(parameter.name)) return check(*value);
      return {};
  }
  return {};
}

Result<void> check_parameter(const Parameter& parameter, const Request& request) {
  size_t values = 0;
  auto ok = for_each_value(parameter, request, [&](std::string_view value) -> Result<void> {
    if (++values > 1 && !parameter.is_array) {
      return bad_field(parameter.name, "may be given only once");
    }
    return check_values(parameter, value);
  });
  if (ok && values == 0 && parameter.required) return bad_field(parameter.name, "is required");
  return ok;
}

Result<void> check_query_names(const Operation& operation, const Query& query) {
  for (const auto& [name, value] : query) {
    const bool known = std::ranges::any_of(operation.parameters, [&](const Parameter& p) {
      return p.in == Parameter::In::kQuery && p.name == name;
    });
    if (!known) return bad_field(name, "is not a query parameter of this operation");
  }
  return {};
}

}  // namespace

Result<void> check_parameters(const Operation& operation, const Request& request) {
  if (auto ok = check_query_names(operation, request.query); !ok) return ok;
  for (const auto& parameter : operation.parameters) {
    if (auto ok = check_parameter(parameter, request); !ok) return ok;
  }
  return {};
}

Result<void> check_json_body(const RequestBody& body, Request& request, const JsonLimits& limits) {
  auto json = parse_json(request.body, limits);
  if (!json) return std::unexpected(json.error());
  if (auto ok = body.schema->check(*json); !ok) return ok;
  request.json = std::move(*json);
  return {};
}

}  // namespace sluice::http
