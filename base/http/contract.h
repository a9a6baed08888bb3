// One OpenAPI document (3.0 or 3.1) as the router uses it: its operations, each with the checks
// that a request must pass.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/http/json_text.h"
#include "base/http/message.h"
#include "base/http/schema.h"

namespace sluice::http {

struct Parameter {
  enum class In : uint8_t { kPath, kQuery, kHeader };
  In in = In::kPath;
  std::string name;
  bool required = false;
  bool is_array = false;  // query: repeated or comma-separated values, each checked on its own
  ParameterSchema schema;
};

struct RequestBody {
  bool required = false;
  std::vector<std::string> media_types;  // as declared, without parameters
  std::shared_ptr<const Schema> schema;  // of the JSON form; null when the body is not JSON
};

struct Operation {
  std::string operation_id;
  Method method = Method::kGet;
  std::string path;  // with the base path of the document: "/mm5/v1/app_instances/{appInstanceId}"
  std::vector<Parameter> parameters;
  std::optional<RequestBody> body;
  bool secured = false;               // needs a principal
  std::vector<std::string> scopes;    // all of which the principal must have
  std::vector<std::string> produces;  // media types of its successful replies; empty: no content
};

// "application/json" and "application/*+json".
bool is_json_media_type(std::string_view type);

class Contract {
 public:
  // Reads a document. `name` is what it is served as. The error names the place in the document.
  static Result<Contract> load(std::string name, std::string_view yaml);

  const std::string& name() const { return name_; }
  const std::string& title() const { return title_; }
  const std::string& version() const { return version_; }      // of the API, not of OpenAPI
  const std::string& text() const { return text_; }            // the YAML as given
  const std::string& base_path() const { return base_path_; }  // the path of servers[0]
  const std::vector<Operation>& operations() const& { return operations_; }  // for each server
  void operations() const&& = delete;  // they live in the contract

 private:
  Contract() = default;
  std::string name_;
  std::string title_;
  std::string version_;
  std::string text_;
  std::string base_path_;
  std::vector<Operation> operations_;
};

// Checks the path, query and header parameters of a routed request against what the operation
// declares; an undeclared query parameter is an error (MEC 009 §6.19).
Result<void> check_parameters(const Operation& operation, const Request& request);

// Parses and validates request.body into request.json. The error's field is the path of the
// offending member ("trafficFilter[0].priority").
Result<void> check_json_body(const RequestBody& body, Request& request, const JsonLimits& limits);

}  // namespace sluice::http
