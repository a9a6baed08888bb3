// The header fields of an HTTP/2 reply, as nghttp2 takes them.
#pragma once

#include <nghttp2/nghttp2.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/http/reply_fields.h"

namespace sluice::http {

// Keeps the octets until nghttp2 has copied them.
class Http2Fields {
 public:
  // Room for `count` fields, no more.
  explicit Http2Fields(size_t count) {
    texts_.reserve(2 * count);
    fields_.reserve(count);
  }
  void add(std::string_view name, std::string_view value) {
    std::string clean;
    append_field_value(value, clean);
    add_text(std::string(name), std::move(clean));
  }
  const nghttp2_nv* data() const { return fields_.data(); }
  size_t size() const { return fields_.size(); }

 private:
  void add_text(std::string name, std::string value) {
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    auto& n = texts_.emplace_back(std::move(name));
    auto& v = texts_.emplace_back(std::move(value));
    fields_.push_back({reinterpret_cast<uint8_t*>(n.data()), reinterpret_cast<uint8_t*>(v.data()),
                       n.size(), v.size(), NGHTTP2_NV_FLAG_NONE});
  }

  std::vector<std::string> texts_;  // never grows beyond what is reserved
  std::vector<nghttp2_nv> fields_;
};

}  // namespace sluice::http
