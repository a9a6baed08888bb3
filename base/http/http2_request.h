// A request out of the header fields of an HTTP/2 stream (RFC 9113 §8.3).
#pragma once

#include <string>
#include <string_view>

#include "base/http/message.h"
#include "base/http/transport_limits.h"

namespace sluice::http {

// The syntax of names and values, the presence, order and number of pseudo header fields, and that
// no connection-specific field is there (RFC 9113 §8.2.2), are nghttp2's to check.
class Http2Request {
 public:
  // `limits` must outlive it.
  explicit Http2Request(const ParserLimits& limits) : limits_(limits) {}

  // Fields in the order they come. False for one that is beyond the limits and was not kept.
  bool add(std::string_view name, std::string_view value);
  // Of a trailer: counted against the limits and otherwise ignored.
  bool add_trailer(std::string_view name, std::string_view value) { return count(name, value); }

  // The status to refuse the request with, 0 when there is nothing against it, and why.
  int refusal() const { return refusal_; }
  std::string_view detail() const { return detail_; }

  bool expects_continue() const { return expects_continue_; }
  Request& request() { return request_; }
  void clear();  // for another stream

 private:
  bool count(std::string_view name, std::string_view value);
  void add_pseudo(std::string_view name, std::string_view value);
  void refuse(int status, std::string_view detail);

  const ParserLimits& limits_;
  Request request_;
  size_t size_ = 0;
  size_t fields_ = 0;
  int refusal_ = 0;
  std::string_view detail_;
  bool expects_continue_ = false;
};

}  // namespace sluice::http
