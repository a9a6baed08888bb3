#include "base/http/message.h"

#include <algorithm>
#include <array>

#include "base/http/body_stream.h"
#include "base/http/percent.h"
#include "base/http/problem.h"

namespace sluice::http {
namespace {

constexpr std::array<std::pair<Method, std::string_view>, 7> kMethods = {{
    {Method::kGet, "GET"},
    {Method::kHead, "HEAD"},
    {Method::kPost, "POST"},
    {Method::kPut, "PUT"},
    {Method::kPatch, "PATCH"},
    {Method::kDelete, "DELETE"},
    {Method::kOptions, "OPTIONS"},
}};

// Room for most headers, of requests with a token and of replies.
constexpr size_t kUsualText = 256;
constexpr size_t kUsualFields = 6;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::string_view to_string(Method method) {
  return std::ranges::find(kMethods, method, &std::pair<Method, std::string_view>::first)->second;
}

std::optional<Method> parse_method(std::string_view token) {
  for (const auto& [method, name] : kMethods) {
    if (name == token) return method;
  }
  return std::nullopt;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

void Headers::add(std::string_view name, std::string_view value) {
  if (fields_.empty()) {  // room for what is usual
    text_.reserve(kUsualText);
    fields_.reserve(kUsualFields);
  }
  fields_.push_back({text_.size(), name.size(), value.size()});
  text_.append(name).append(value);
}

void Headers::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

// What was removed stays in the text: that is rare, and little.
void Headers::remove(std::string_view name) {
  std::erase_if(fields_, [&](const Place& p) { return equal_ignoring_case(field(p).first, name); });
}

void Headers::clear() {
  fields_.clear();
  text_.clear();
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
  for (const auto& [field, value] : *this) {
    if (equal_ignoring_case(field, name)) return value;
  }
  return std::nullopt;
}

std::optional<std::string> Headers::joined(std::string_view name) const {
  std::optional<std::string> out;
  for (const auto& [field, value] : *this) {
    if (!equal_ignoring_case(field, name)) continue;
    if (out) {
      out->append(", ").append(value);
    } else {
      out = value;
    }
  }
  return out;
}

size_t Headers::count(std::string_view name) const {
  return static_cast<size_t>(std::ranges::count_if(
      fields_, [&](const Place& p) { return equal_ignoring_case(field(p).first, name); }));
}

Result<Query> Query::parse(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const auto item = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(item.size() + 1, text.size()));
    if (item.empty()) continue;
    const auto equals = item.find('=');
    auto name = percent_decode(item.substr(0, equals), PlusIs::kSpace);
    auto value = percent_decode(
        equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1),
        PlusIs::kSpace);
    if (!name || !value) {
      return fail(ErrorCode::kInvalidArgument, "the query has malformed percent-encoding");
    }
    query.items_.emplace_back(std::move(*name), std::move(*value));
  }
  return query;
}

std::optional<std::string_view> Query::get(std::string_view name) const {
  for (const auto& [item, value] : items_) {
    if (item == name) return value;
  }
  return std::nullopt;
}

std::vector<std::string_view> Query::all(std::string_view name) const {
  std::vector<std::string_view> out;
  for (const auto& [item, value] : items_) {
    if (item == name) out.push_back(value);
  }
  return out;
}

std::optional<std::string_view> Principal::claim(std::string_view name) const {
  const auto it = claims.find(name);
  if (it == claims.end()) return std::nullopt;
  return it->second;
}

const std::string& Request::path_param(std::string_view name) const {
  return std::ranges::find(path_params, name, [](const auto& p) { return p.first; })->second;
}

void Request::clear() {
  constexpr size_t kMuch = 4096;
  if (target.capacity() + headers.capacity() + body.capacity() > kMuch) {
    *this = Request();
    return;
  }
  method = Method::kGet;
  target.clear();
  headers.clear();
  body.clear();
  consumer = nullptr;
  operation_id = {};
  path_params.clear();
  query.clear();
  json = nullptr;
  principal = nullptr;
  route = nullptr;
  remote.clear();
}

Response Response::json(int status, const nlohmann::json& value) {
  Response response{status, {}, value.dump()};
  response.headers.add("Content-Type", "application/json");
  return response;
}

uint64_t Response::source_length() const { return source->size(); }

Response Response::problem(int status, std::string_view detail) {
  Problem problem;
  problem.status = status;
  problem.detail = detail;
  return to_response(problem);
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 416:
      return "Range Not Satisfiable";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

}  // namespace sluice::http
