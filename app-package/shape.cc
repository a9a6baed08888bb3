#include "app-package/shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "app-package/file_path.h"

namespace sluice::app_package {
namespace {

using nlohmann::json;
using Kind = YamlNode::Kind;

constexpr size_t kMostItems = 1000;
constexpr size_t kLongestText = 4096;

json untyped(const YamlNode& node) {
  switch (node.kind) {
    case Kind::kText:
      return node.text;
    case Kind::kList: {
      auto out = json::array();
      for (const auto& item : node.items) out.push_back(untyped(item));
      return out;
    }
    case Kind::kMap: {
      auto out = json::object();
      for (const auto& [name, value] : node.members) out[name] = untyped(value);
      return out;
    }
    case Kind::kNull:
      break;
  }
  return nullptr;
}

template <typename T>
bool parse_number(std::string_view text, T& out) {
  const auto* end = text.data() + text.size();
  const auto [at, code] = std::from_chars(text.data(), end, out);
  return code == std::errc() && at == end;
}

// UTF-8 without control characters but tabs and line ends, or JSON and logs could not carry it.
bool is_text(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') return false;
  }
  try {
    (void)json(text).dump();
    return true;
  } catch (const json::exception&) {
    return false;
  }
}

class ShapeReading {
 public:
  ShapeReading(const std::string& file, Problems& problems, Lines& lines)
      : file_(file), problems_(problems), lines_(lines) {}

  json object(const YamlNode& node, const Shape& shape, const std::string& path) {
    auto out = json::object();
    lines_[path] = node.line;
    if (node.kind != Kind::kMap) {
      complain(node.line, path, "has to be a mapping");
      return out;
    }
    for (const auto& [name, value] : node.members) {
      const auto at = path.empty() ? name : path + "." + name;
      const auto member =
          std::ranges::find_if(shape.members, [&](const Member& m) { return name == m.name; });
      if (member == shape.members.end()) {
        complain(value.line, printable(at), "is not known here");
      } else if (value.kind != Kind::kNull || member->type == Type::kAny) {
        lines_[at] = value.line;
        out[name] = several(value, *member, at);
      }
    }
    for (const auto& member : shape.members) {
      if (!member.required || out.contains(member.name)) continue;
      complain(node.line, path.empty() ? member.name : path + "." + member.name, "is missing");
    }
    return out;
  }

 private:
  void complain(int line, std::string_view path, std::string_view what) {
    problems_.add(
        file_, line,
        path.empty() ? fmt::format("the descriptor {}", what) : fmt::format("{} {}", path, what));
  }

  json several(const YamlNode& node, const Member& member, const std::string& path) {
    if (member.number == Number::kOne) return one(node, member, path);
    auto out = json::array();
    if (node.kind != Kind::kList) {
      if (member.number == Number::kOneOrMany) {
        out.push_back(one(node, member, path));
      } else {
        complain(node.line, path, "has to be a list");
      }
      return out;
    }
    if (node.items.size() > kMostItems) {
      complain(node.line, path, "has more than 1000 items");
      return out;
    }
    for (size_t i = 0; i < node.items.size(); ++i) {
      const auto at = fmt::format("{}[{}]", path, i);
      lines_[at] = node.items[i].line;
      out.push_back(one(node.items[i], member, at));
    }
    if (out.size() < member.least) {
      complain(node.line, path, fmt::format("needs at least {}", member.least));
    }
    return out;
  }

  json one(const YamlNode& node, const Member& member, const std::string& path) {
    if (member.type == Type::kAny) return untyped(node);
    if (member.type == Type::kObject) return object(node, *member.shape, path);
    if (node.kind != Kind::kText) {
      complain(node.line, path, node.kind == Kind::kNull ? "is empty" : "has to be a single value");
      return nullptr;
    }
    return scalar(node, member, path);
  }

  json scalar(const YamlNode& node, const Member& member, const std::string& path) {
    const auto& text = node.text;
    const auto shown = printable(text);
    if (member.type == Type::kFlag) {
      if (text != "true" && text != "false") complain(node.line, path, "has to be true or false");
      return text == "true";
    }
    if (member.type == Type::kInteger) {
      int64_t value = 0;
      if (!parse_number(text, value) || static_cast<double>(value) < member.low ||
          static_cast<double>(value) > member.high) {
        complain(node.line, path,
                 fmt::format("has to be a whole number from {:.0f} to {:.0f}, got \"{}\"",
                             member.low, member.high, shown));
      }
      return value;
    }
    if (member.type == Type::kNumber) {
      double value = 0;
      if (!parse_number(text, value) || !std::isfinite(value) || value < member.low ||
          value > member.high) {
        complain(node.line, path,
                 fmt::format("has to be a number from {:.0f} to {:.0f}, got \"{}\"", member.low,
                             member.high, shown));
        value = 0;
      }
      return value;
    }
    if (member.type == Type::kWord && std::ranges::find(member.words, text) == member.words.end()) {
      complain(
          node.line, path,
          fmt::format("has to be one of {}, got \"{}\"", fmt::join(member.words, ", "), shown));
    }
    if (text.empty() || text.size() > kLongestText || !is_text(text)) {
      complain(node.line, path, "has to be text of 1 to 4096 octets without control characters");
      return nullptr;
    }
    return text;
  }

  const std::string& file_;
  Problems& problems_;
  Lines& lines_;
};

}  // namespace

int line_of(const Lines& lines, std::string_view path) {
  for (;;) {
    if (const auto at = lines.find(path); at != lines.end()) return at->second;
    const auto end = path.find_last_of(".[");
    if (end == std::string_view::npos) break;
    path = path.substr(0, end);
  }
  const auto root = lines.find("");
  return root == lines.end() ? 0 : root->second;
}

json read_by_shape(const YamlNode& node, const Shape& shape, const std::string& file,
                   Problems& problems, Lines& lines) {
  return ShapeReading(file, problems, lines).object(node, shape, "");
}

}  // namespace sluice::app_package
