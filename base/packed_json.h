// A JSON value kept as text. Parsed, one takes some twenty times the memory: what is stored and
// seldom looked into stays packed.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace sluice {

class PackedJson {
 public:
  PackedJson() = default;  // null
  // Throws as nlohmann does when a string in it is not UTF-8.
  explicit PackedJson(const nlohmann::json& value) {
    if (!value.is_null()) text_ = value.dump();
    text_.shrink_to_fit();
  }

  nlohmann::json unpack() const {
    return is_null() ? nlohmann::json() : nlohmann::json::parse(text_);
  }
  bool is_null() const { return text_.empty(); }
  size_t size() const { return text_.size(); }  // octets; 0 when null
  // The members of objects are in order: equal values have equal texts.
  bool operator==(const PackedJson&) const = default;

 private:
  std::string text_;
};

}  // namespace sluice
