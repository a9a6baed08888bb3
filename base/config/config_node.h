// Strict reading of a YAML configuration: every unknown key, ill-typed or out-of-range value is an
// error that names the key with its line and column, all of them at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/net/ip_address.h"

namespace YAML {
class Node;
}

namespace sluice {

// Collects the problems of one document.
class ConfigProblems {
 public:
  explicit ConfigProblems(std::string file) : file_(std::move(file)) {}
  // `line` and `column` count from 1; 0 means unknown.
  void add(int line, int column, std::string_view message);
  bool empty() const { return lines_.empty(); }
  std::string to_string() const;  // one "file:line:column: message" a line

 private:
  std::string file_;
  std::vector<std::string> lines_;
};

// A mapping of the document. Each getter takes a key once; what nobody took is reported as unknown
// when the node is destroyed. Getters return the fallback after reporting a problem, so that
// reading goes on and finds the rest.
class ConfigNode {
 public:
  ConfigNode(ConfigNode&&) noexcept;
  ConfigNode& operator=(ConfigNode&&) = delete;
  ~ConfigNode();

  bool has(std::string_view key) const;

  std::string text(std::string_view key, std::string_view fallback);
  std::string required_text(std::string_view key);
  // Within [low, high].
  int64_t integer(std::string_view key, int64_t fallback, int64_t low, int64_t high);
  int64_t required_integer(std::string_view key, int64_t low, int64_t high);
  bool flag(std::string_view key, bool fallback);
  // One of `allowed`.
  std::string choice(std::string_view key, std::string_view fallback,
                     const std::vector<std::string>& allowed);
  std::vector<std::string> texts(std::string_view key);  // a list of scalars; absent: empty

  // A value with its own parser, e.g. IpAddress::parse.
  template <typename T>
  std::optional<T> parsed(std::string_view key, Result<T> (*parse)(std::string_view)) {
    if (!has(key)) {
      take(key);
      return std::nullopt;
    }
    return parse_text(key, required_text(key), parse);
  }
  template <typename T>
  T required_parsed(std::string_view key, Result<T> (*parse)(std::string_view)) {
    const bool present = has(key);
    auto text = required_text(key);  // reports its absence
    if (!present) return T{};
    return parse_text(key, text, parse).value_or(T{});
  }
  template <typename T>
  std::vector<T> parsed_list(std::string_view key, Result<T> (*parse)(std::string_view)) {
    std::vector<T> out;
    for (const auto& text : texts(key)) {
      if (auto value = parse_text(key, text, parse)) out.push_back(std::move(*value));
    }
    return out;
  }

  // Sub-mappings. An absent one reads as empty (all fallbacks apply).
  ConfigNode child(std::string_view key);
  void each(std::string_view key,
            const std::function<void(ConfigNode)>& visit);  // list of mappings

  // Reports a problem at `key`'s value (or at this mapping when it is absent).
  void problem(std::string_view key, std::string_view message);

 private:
  friend Result<void> read_config(const std::string&, const std::string&,
                                  const std::function<void(ConfigNode)>&);
  struct State;
  explicit ConfigNode(std::unique_ptr<State> state);
  void take(std::string_view key);

  template <typename T>
  std::optional<T> parse_text(std::string_view key, std::string_view text,
                              Result<T> (*parse)(std::string_view)) {
    auto value = parse(text);
    if (value) return std::move(*value);
    problem(key, value.error().to_string());
    return std::nullopt;
  }

  std::unique_ptr<State> state_;
};

// Reads a document (`name` is shown in errors) or the file of that name. The error lists every
// problem found.
Result<void> read_config(const std::string& name, const std::string& text,
                         const std::function<void(ConfigNode)>& read);
Result<void> read_config_file(const std::string& path, const std::function<void(ConfigNode)>& read);

}  // namespace sluice
