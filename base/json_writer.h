// JSON written straight into a text, for messages too large to be a tree first.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <iterator>
#include <string>
#include <string_view>

namespace sluice {

// Texts are UTF-8, which is not checked. Values come in the document's order: name() before each
// member of an object.
class JsonWriter {
 public:
  // Appends to `out`, which must outlive it.
  explicit JsonWriter(std::string& out) : out_(out) {}

  void begin_object() { begin('{'); }
  void end_object() { end('}'); }
  void begin_array() { begin('['); }
  void end_array() { end(']'); }
  void name(std::string_view name) {
    separate();
    quote(name);
    out_.push_back(':');
    is_first_ = true;  // its value needs no comma
  }
  void value(std::string_view text) {
    separate();
    quote(text);
  }
  void value(std::integral auto number) {
    separate();
    fmt::format_to(std::back_inserter(out_), "{}", number);
  }

 private:
  void separate() {
    if (!is_first_) out_.push_back(',');
    is_first_ = false;
  }
  void begin(char bracket) {
    separate();
    out_.push_back(bracket);
    is_first_ = true;
  }
  void end(char bracket) {
    out_.push_back(bracket);
    is_first_ = false;
  }
  void quote(std::string_view text) {
    out_.push_back('"');
    for (const char c : text) {
      if (c == '"' || c == '\\') {
        out_.push_back('\\');
        out_.push_back(c);
      } else if (static_cast<unsigned char>(c) < 0x20) {
        fmt::format_to(std::back_inserter(out_), "\\u{:04x}", static_cast<unsigned>(c));
      } else {
        out_.push_back(c);
      }
    }
    out_.push_back('"');
  }

  std::string& out_;
  bool is_first_ = true;
};

}  // namespace sluice
