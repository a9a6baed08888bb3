#include "base/config/config_node.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

namespace sluice {

void ConfigProblems::add(int line, int column, std::string_view message) {
  lines_.push_back(line > 0 ? fmt::format("{}:{}:{}: {}", file_, line, column, message)
                            : fmt::format("{}: {}", file_, message));
}

std::string ConfigProblems::to_string() const { return fmt::format("{}", fmt::join(lines_, "\n")); }

struct ConfigNode::State {
  YAML::Node node;   // a mapping, or undefined when the key was absent
  std::string path;  // "ports[0].ipv4" for messages
  YAML::Mark mark;   // where this mapping stands, or would stand
  ConfigProblems* problems = nullptr;
  std::set<std::string, std::less<>> taken;

  std::string full(std::string_view key) const {
    return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
  }
  YAML::Node at(std::string_view key) const {
    if (!node.IsDefined() || !node.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
    const YAML::Node& constant = node;  // the non-const operator[] would insert
    return constant[std::string(key)];
  }
  void report(const YAML::Mark& where, std::string_view message) const {
    problems->add(where.line + 1, where.column + 1, message);
  }
};

namespace {

bool present(const YAML::Node& node) { return node.IsDefined() && !node.IsNull(); }

}  // namespace

ConfigNode::ConfigNode(std::unique_ptr<State> state) : state_(std::move(state)) {}
ConfigNode::ConfigNode(ConfigNode&&) noexcept = default;

ConfigNode::~ConfigNode() {
  if (!state_ || !state_->node.IsDefined() || !state_->node.IsMap()) return;
  std::set<std::string> seen;
  for (const auto& entry : state_->node) {
    const auto key = entry.first.Scalar();
    if (!seen.insert(key).second) {
      state_->report(entry.first.Mark(), fmt::format("key '{}' is given twice", state_->full(key)));
    } else if (!state_->taken.contains(key)) {
      state_->report(entry.first.Mark(),
                     fmt::format("unknown key '{}'; known here: {}", state_->full(key),
                                 fmt::join(state_->taken, ", ")));
    }
  }
}

bool ConfigNode::has(std::string_view key) const { return present(state_->at(key)); }

void ConfigNode::take(std::string_view key) { state_->taken.emplace(key); }

void ConfigNode::problem(std::string_view key, std::string_view message) {
  const auto value = state_->at(key);
  state_->report(value.IsDefined() ? value.Mark() : state_->mark,
                 fmt::format("{}: {}", state_->full(key), message));
}

std::string ConfigNode::text(std::string_view key, std::string_view fallback) {
  take(key);
  if (!has(key)) return std::string(fallback);
  const auto value = state_->at(key);
  if (value.IsScalar()) return value.Scalar();
  problem(key, "expected a single value");
  return std::string(fallback);
}

std::string ConfigNode::required_text(std::string_view key) {
  if (!has(key)) {
    take(key);
    problem(key, "is required");
    return {};
  }
  return text(key, "");
}

int64_t ConfigNode::integer(std::string_view key, int64_t fallback, int64_t low, int64_t high) {
  take(key);
  return has(key) ? required_integer(key, low, high) : fallback;
}

int64_t ConfigNode::required_integer(std::string_view key, int64_t low, int64_t high) {
  const bool given = has(key);
  const auto digits = required_text(key);
  if (!given) return low;
  int64_t value = 0;
  try {
    size_t used = 0;
    value = std::stoll(digits, &used);
    if (used != digits.size()) throw std::invalid_argument(digits);
  } catch (const std::exception&) {
    problem(key, fmt::format("expected a whole number, got '{}'", digits));
    return low;
  }
  if (value >= low && value <= high) return value;
  problem(key, fmt::format("{} is outside {}..{}", value, low, high));
  return low;
}

bool ConfigNode::flag(std::string_view key, bool fallback) {
  const auto value = text(key, fallback ? "true" : "false");
  if (value == "true") return true;
  if (value != "false") problem(key, fmt::format("expected true or false, got '{}'", value));
  return false;
}

std::string ConfigNode::choice(std::string_view key, std::string_view fallback,
                               const std::vector<std::string>& allowed) {
  auto value = text(key, fallback);
  if (std::ranges::find(allowed, value) != allowed.end()) return value;
  problem(key, fmt::format("'{}' is not one of {}", value, fmt::join(allowed, ", ")));
  return std::string(fallback);
}

std::vector<std::string> ConfigNode::texts(std::string_view key) {
  take(key);
  std::vector<std::string> out;
  const auto list = state_->at(key);
  if (!present(list)) return out;
  if (!list.IsSequence()) {
    problem(key, "expected a list");
    return out;
  }
  for (const auto& item : list) {
    if (item.IsScalar()) {
      out.push_back(item.Scalar());
    } else {
      state_->report(item.Mark(), fmt::format("{}: expected single values", state_->full(key)));
    }
  }
  return out;
}

ConfigNode ConfigNode::child(std::string_view key) {
  take(key);
  auto state = std::make_unique<State>();
  state->path = state_->full(key);
  state->mark = state_->mark;
  state->problems = state_->problems;
  state->node = YAML::Node(YAML::NodeType::Undefined);
  if (has(key)) {
    const auto value = state_->at(key);
    if (value.IsMap()) {
      state->node.reset(value);
      state->mark = value.Mark();
    } else {
      problem(key, "expected a mapping");
    }
  }
  return ConfigNode(std::move(state));
}

void ConfigNode::each(std::string_view key, const std::function<void(ConfigNode)>& visit) {
  take(key);
  const auto list = state_->at(key);
  if (!present(list)) return;
  if (!list.IsSequence()) {
    problem(key, "expected a list");
    return;
  }
  size_t index = 0;
  for (const auto& item : list) {
    auto state = std::make_unique<State>();
    state->path = fmt::format("{}[{}]", state_->full(key), index++);
    state->mark = item.Mark();
    state->problems = state_->problems;
    state->node = YAML::Node(YAML::NodeType::Undefined);
    if (item.IsMap()) {
      state->node.reset(item);
    } else {
      state_->report(item.Mark(), fmt::format("{}: expected a mapping", state->path));
    }
    visit(ConfigNode(std::move(state)));
  }
}

Result<void> read_config(const std::string& name, const std::string& text,
                         const std::function<void(ConfigNode)>& read) {
  ConfigProblems problems(name);
  try {
    auto root = YAML::Load(text);
    if (root.IsDefined() && !root.IsNull() && !root.IsMap()) {
      problems.add(1, 1, "expected a mapping at the top");
    } else {
      auto state = std::make_unique<ConfigNode::State>();
      state->node.reset(root);
      state->mark = root.IsDefined() ? root.Mark() : YAML::Mark{};
      state->problems = &problems;
      read(ConfigNode(std::move(state)));
    }
  } catch (const YAML::Exception& error) {
    problems.add(error.mark.line + 1, error.mark.column + 1, error.msg);
  }
  if (problems.empty()) return {};
  return fail(ErrorCode::kInvalidArgument, "{}", problems.to_string());
}

Result<void> read_config_file(const std::string& path,
                              const std::function<void(ConfigNode)>& read) {
  std::ifstream file(path);
  if (!file) return std::unexpected(errno_error(fmt::format("cannot read {}", path)));
  std::ostringstream text;
  text << file.rdbuf();
  return read_config(path, text.str(), read);
}

}  // namespace sluice
