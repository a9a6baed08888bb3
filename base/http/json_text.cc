#include "base/http/json_text.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace sluice::http {
namespace {

// Builds the value from the parser's events; returning false from one stops the parser.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(const JsonLimits& limits) : limits_(limits) {}

  bool null() override { return put(nullptr) != nullptr; }
  bool boolean(bool v) override { return put(v) != nullptr; }
  bool number_integer(number_integer_t v) override { return put(v) != nullptr; }
  bool number_unsigned(number_unsigned_t v) override { return put(v) != nullptr; }
  bool number_float(number_float_t v, const string_t&) override { return put(v) != nullptr; }
  bool string(string_t& v) override { return has_no_nul(v) && put(std::move(v)) != nullptr; }
  bool binary(binary_t&) override { return false; }  // not in JSON text
  bool start_object(size_t) override { return open(nlohmann::json::object()); }
  bool start_array(size_t) override { return open(nlohmann::json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (!has_no_nul(name)) return false;
    if (open_.back()->contains(name)) return refuse("the name \"" + name + "\" appears twice");
    key_ = std::move(name);
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::json::exception& error) override {
    position_ = position;
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ..." — what
    // follows the position is the part for people.
    const std::string_view text = error.what();
    const auto colon = text.find(": ");
    problem_ = std::string(colon == std::string_view::npos ? text : text.substr(colon + 2));
    return false;
  }

  nlohmann::json take() { return std::move(root_); }
  std::optional<size_t> position() const { return position_; }
  const std::string& problem() const { return problem_; }

 private:
  nlohmann::json* put(nlohmann::json value) {
    if (++values_ > limits_.max_values) {
      refuse("more than " + std::to_string(limits_.max_values) + " values");
      return nullptr;
    }
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    auto& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }
  bool open(nlohmann::json container) {
    if (open_.size() >= limits_.max_depth) {
      return refuse("nested deeper than " + std::to_string(limits_.max_depth) + " levels");
    }
    auto* opened = put(std::move(container));
    if (!opened) return false;
    open_.push_back(opened);
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  // Validators, and whoever else sees it as a C string, would take the text to end there.
  bool has_no_nul(std::string_view text) {
    return text.find('\0') == std::string_view::npos || refuse("a text has a NUL in it");
  }
  bool refuse(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  const JsonLimits& limits_;
  size_t values_ = 0;
  nlohmann::json root_;
  // Elements of an array may move when it grows, but only its last one is ever open.
  std::vector<nlohmann::json*> open_;
  std::string key_;
  std::optional<size_t> position_;
  std::string problem_;
};

}  // namespace

Result<nlohmann::json> parse_json(std::string_view text, const JsonLimits& limits) {
  Builder builder(limits);
  if (nlohmann::json::sax_parse(text, &builder)) return builder.take();
  if (!builder.position()) return fail(ErrorCode::kInvalidArgument, "{}", builder.problem());
  const auto before = text.substr(0, std::min(*builder.position(), text.size()));
  const auto line = 1 + std::ranges::count(before, '\n');
  const auto line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return fail(ErrorCode::kInvalidArgument, "not JSON at {}:{}: {}", line,
              std::max<size_t>(before.size() - line_start, 1), builder.problem());
}

}  // namespace sluice::http
