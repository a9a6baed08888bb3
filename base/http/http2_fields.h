// The header fields of an HTTP/2 reply, as nghttp2 takes them.
#pragma once

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/reply_fields.h"

namespace sluice::http {

// Refers to names and values, which must outlive it: nghttp2 copies them, and writes names in lower
// case, when the reply is submitted.
class Http2Fields {
 public:
  // Room for `count` fields, no more.
  explicit Http2Fields(size_t count) {
    if (count > few_.size()) {
      many_.resize(count);
      fields_ = many_.data();
    }
  }
  Http2Fields(const Http2Fields&) = delete;
  Http2Fields& operator=(const Http2Fields&) = delete;

  void add(std::string_view name, std::string_view value) {
    if (is_clean_field_value(value)) return put(name, value);
    auto& clean = cleaned_.emplace_back();
    append_field_value(value, clean);
    put(name, clean);
  }
  // One such field: the digits are kept here.
  void add_status(int status) {
    const auto end = std::to_chars(status_.begin(), status_.end(), status).ptr;
    put(":status", {status_.begin(), end});
  }
  void add_length(uint64_t length) {
    const auto end = std::to_chars(length_.begin(), length_.end(), length).ptr;
    put("content-length", {length_.begin(), end});
  }
  const nghttp2_nv* data() const { return fields_; }
  size_t size() const { return size_; }

 private:
  void put(std::string_view name, std::string_view value) {
    fields_[size_++] = {octets(name), octets(value), name.size(), value.size(),
                        NGHTTP2_NV_FLAG_NONE};
  }
  static uint8_t* octets(std::string_view text) {  // which nghttp2 does not write to
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  }

  std::array<nghttp2_nv, 12> few_;
  std::vector<nghttp2_nv> many_;
  nghttp2_nv* fields_ = few_.data();
  size_t size_ = 0;
  std::list<std::string> cleaned_;
  std::array<char, 12> status_;
  std::array<char, 20> length_;
};

}  // namespace sluice::http
