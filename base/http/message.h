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

// Header fields in the order they came; names compare without case, a name may repeat. All of them
// lie in one piece of memory, which clear() keeps for the next ones.
class Headers {
 public:
  using Field = std::pair<std::string_view, std::string_view>;

  void add(std::string_view name, std::string_view value);
  void set(std::string_view name, std::string_view value);  // replaces every field of that name
  void remove(std::string_view name);
  void clear();

  // The first field of that name; the view lives until the fields change.
  std::optional<std::string_view> get(std::string_view name) const;
  // All fields of that name joined with ", " (RFC 9110 §5.3); nullopt when there is none.
  std::optional<std::string> joined(std::string_view name) const;
  size_t count(std::string_view name) const;
  bool has(std::string_view name) const { return count(name) > 0; }

  size_t size() const { return fields_.size(); }
  size_t octets() const { return text_.size(); }        // of names and values
  size_t capacity() const { return text_.capacity(); }  // octets that it has memory for

 private:
  struct Place {  // of a field in `text_`: the name, and the value behind it
    size_t at;
    size_t name_size;
    size_t value_size;
  };

 public:
  class Iterator {
   public:
    using value_type = Field;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Field operator*() const { return headers_->field(*at_); }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) { return {headers_, at_++}; }
    bool operator==(const Iterator&) const = default;

   private:
    friend class Headers;
    Iterator(const Headers* headers, const Place* at) : headers_(headers), at_(at) {}
    const Headers* headers_ = nullptr;
    const Place* at_ = nullptr;
  };
  // For a loop; the views live until the fields change.
  Iterator begin() const { return {this, fields_.data()}; }
  Iterator end() const { return {this, fields_.data() + fields_.size()}; }

 private:
  Field field(const Place& place) const {
    const std::string_view text(text_);
    return {text.substr(place.at, place.name_size),
            text.substr(place.at + place.name_size, place.value_size)};
  }

  std::string text_;
  std::vector<Place> fields_;
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
  void clear() { items_.clear(); }
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
using PrincipalPtr = std::shared_ptr<const Principal>;  // all requests with one token share it

class BodyConsumer;
class BodySource;
struct Route;

struct Request {
  Method method = Method::kGet;
  std::string target;  // as received: "/a/b%20c?d=e"
  Headers headers;
  std::string body;
  std::shared_ptr<BodyConsumer> consumer;  // has the body instead (body_stream.h)
  std::string remote;                      // address of the peer, "192.0.2.1:40000"; for logs

  // What the router fills in before a handler runs.
  std::string_view operation_id;  // lives as long as the router
  // Name and percent-decoded value of each parameter, in the order of the path; the names live as
  // long as the router.
  std::vector<std::pair<std::string_view, std::string>> path_params;
  Query query;
  nlohmann::json json;           // the validated body; null when there is none
  PrincipalPtr principal;        // null on operations without security
  const Route* route = nullptr;  // the router's own: where it has admitted the request
  size_t page_size = 1000;       // items of a list in one reply at most; configured

  // A path parameter of the matched template, which therefore exists.
  const std::string& path_param(std::string_view name) const;

  // Makes it as new, for another request: the memory that it has stays unless it is much.
  void clear();
};

class PendingResponse;

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  // Set: the body, shared with other replies; then `body` is empty.
  std::shared_ptr<const std::string> shared_body = nullptr;
  // Set: gives the body instead (body_stream.h); Content-Length is its size.
  std::shared_ptr<BodySource> source = nullptr;
  // Set: this is not the reply but the place where it will be (pending_response.h).
  std::shared_ptr<PendingResponse> pending = nullptr;

  static Response json(int status, const nlohmann::json& value);
  static Response no_content() { return Response{204, {}, {}}; }
  // The body, where it is in memory.
  std::string_view content() const { return shared_body ? *shared_body : body; }
  uint64_t length() const { return source ? source_length() : content().size(); }  // of the body
  void drop_content() {
    body.clear();
    shared_body = nullptr;
    source = nullptr;
  }
  // application/problem+json (RFC 7807); `title` is the status's own phrase. See problem.h for
  // more.
  static Response problem(int status, std::string_view detail);

  Response&& with(std::string_view header, std::string_view value) && {
    headers.set(header, value);
    return std::move(*this);
  }

 private:
  uint64_t source_length() const;
};

// "Not Found"; "Unknown" for a status that HTTP does not define.
std::string_view reason_phrase(int status);

}  // namespace sluice::http
