// An HTTP request and response as handlers see them: plain values, no sockets, no wire syntax.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace sluice::http {

enum class Method : uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions };

std::string_view to_string(Method method);                   // "GET"
std::optional<Method> parse_method(std::string_view token);  // case-sensitive, RFC 9110 §9.1

// Whether two strings differ at most in ASCII case: header names, schemes, media types.
bool equal_ignoring_case(std::string_view a, std::string_view b);

// Header fields in the order they came; names compare without case, a name may repeat.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  void add(std::string name, std::string value);
  void set(std::string_view name, std::string value);  // replaces every field of that name
  void remove(std::string_view name);

  // The first field of that name; the view lives as long as the field.
  std::optional<std::string_view> get(std::string_view name) const;
  // All fields of that name joined with ", " (RFC 9110 §5.3); nullopt when there is none.
  std::optional<std::string> joined(std::string_view name) const;
  size_t count(std::string_view name) const;
  bool has(std::string_view name) const { return count(name) > 0; }

  size_t size() const { return fields_.size(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<Field> fields_;
};

// The query component, percent-decoded, in the order it came; a name may repeat.
class Query {
 public:
  using Item = std::pair<std::string, std::string>;

  // Splits "a=1&b=2"; "+" is a space. Malformed percent-encoding is kInvalidArgument.
  static Result<Query> parse(std::string_view text);

  std::optional<std::string_view> get(std::string_view name) const;  // the first of that name
  std::vector<std::string_view> all(std::string_view name) const;
  bool has(std::string_view name) const { return get(name).has_value(); }
  bool empty() const { return items_.empty(); }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }

 private:
  std::vector<Item> items_;
};

// Who sends a request, as an authenticator established it.
struct Principal {
  std::string subject;                                     // the client
  std::set<std::string, std::less<>> scopes;               // what it may use
  std::map<std::string, std::string, std::less<>> claims;  // whatever else the token says of it

  std::optional<std::string_view> claim(std::string_view name) const;
};

struct Route;

struct Request {
  Method method = Method::kGet;
  std::string target;  // as received: "/a/b%20c?d=e"
  Headers headers;
  std::string body;
  std::string remote;  // address of the peer, "192.0.2.1:40000"; for logs

  // What the router fills in before a handler runs.
  std::string operation_id;
  std::map<std::string, std::string, std::less<>> path_params;  // percent-decoded
  Query query;
  nlohmann::json json;                 // the validated body; null when there is none
  std::optional<Principal> principal;  // none on operations without security
  const Route* route = nullptr;        // the router's own: where it has admitted the request
  size_t page_size = 1000;             // items of a list in one reply at most; configured

  // A path parameter of the matched template, which therefore exists.
  const std::string& path_param(std::string_view name) const {
    return path_params.find(name)->second;
  }
};

class PendingResponse;

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  // Set: this is not the reply but the place where it will be (pending_response.h).
  std::shared_ptr<PendingResponse> pending = nullptr;

  static Response json(int status, const nlohmann::json& value);
  static Response no_content() { return Response{204, {}, {}}; }
  // application/problem+json (RFC 7807); `title` is the status's own phrase. See problem.h for
  // more.
  static Response problem(int status, std::string_view detail);

  Response&& with(std::string_view header, std::string value) && {
    headers.set(header, std::move(value));
    return std::move(*this);
  }
};

// "Not Found"; "Unknown" for a status that HTTP does not define.
std::string_view reason_phrase(int status);

}  // namespace sluice::http
