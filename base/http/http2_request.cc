#include "base/http/http2_request.h"

namespace sluice::http {
namespace {

constexpr size_t kFieldOverhead = 32;  // RFC 9113 §6.5.2, SETTINGS_MAX_HEADER_LIST_SIZE

}  // namespace

bool Http2Request::count(std::string_view name, std::string_view value) {
  // The target has a limit of its own, as in HTTP/1.1.
  if (name != ":path") size_ += name.size() + value.size() + kFieldOverhead;
  if (!name.starts_with(':')) ++fields_;
  if (size_ <= limits_.max_header && fields_ <= limits_.max_header_fields) return true;
  refuse(431, "the header is too large");
  return false;
}

bool Http2Request::add(std::string_view name, std::string_view value) {
  if (!count(name, value)) return false;
  if (name.starts_with(':')) {
    add_pseudo(name, value);
    return true;
  }
  if (name == "host") {
    const auto authority = request_.headers.get("host");
    if (!authority) {
      request_.headers.add("host", value);
    } else if (!equal_ignoring_case(*authority, value)) {  // RFC 9113 §8.3.1
      refuse(400, "Host and :authority differ");
    }
    return true;
  }
  if (name == "expect") {
    if (equal_ignoring_case(value, "100-continue")) {
      expects_continue_ = true;
    } else {
      refuse(417, "the only expectation met here is 100-continue");
    }
  }
  request_.headers.add(name, value);
  return true;
}

void Http2Request::add_pseudo(std::string_view name, std::string_view value) {
  if (name == ":method") {
    if (const auto method = parse_method(value)) {
      request_.method = *method;
    } else {
      refuse(405, "no resource here knows this method");
    }
  } else if (name == ":path") {
    if (value.size() > limits_.max_request_line) {
      refuse(414, "the request target is too long");
    } else {
      request_.target = value;
    }
  } else if (name == ":authority") {
    request_.headers.add("host", value);
  }
}

void Http2Request::clear() {
  request_.clear();
  size_ = 0;
  fields_ = 0;
  refusal_ = 0;
  detail_ = {};
  expects_continue_ = false;
}

void Http2Request::refuse(int status, std::string_view detail) {
  if (refusal_ != 0) return;
  refusal_ = status;
  detail_ = detail;
}

}  // namespace sluice::http
