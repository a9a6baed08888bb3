#include "app-package/yaml_text.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

namespace sluice::app_package {
namespace {

constexpr size_t kMostNodes = 50'000;
constexpr size_t kMostText = 4 << 20;  // octets; aliases repeat theirs
constexpr int kDeepest = 32;

struct Refused {
  int line;
  std::string why;
};

class Converter {
 public:
  YamlNode convert(const YAML::Node& node, int depth = 0) {
    const int line = node.Mark().line + 1;
    if (++nodes_ > kMostNodes) throw Refused{line, "holds too many values"};
    if (depth > kDeepest) throw Refused{line, "is nested too deeply"};
    YamlNode out;
    out.line = line;
    if (node.IsScalar()) {
      const auto& text = node.Scalar();
      const bool quoted = node.Tag() == "!";
      if (quoted || !(text.empty() || text == "~" || text == "null")) {
        out.kind = YamlNode::Kind::kText;
        count(text, line);
        out.text = text;
      }
    } else if (node.IsSequence()) {
      out.kind = YamlNode::Kind::kList;
      for (const auto& item : node) out.items.push_back(convert(item, depth + 1));
    } else if (node.IsMap()) {
      out.kind = YamlNode::Kind::kMap;
      for (const auto& item : node) add_member(out, item.first, item.second, depth);
    }
    return out;
  }

 private:
  void add_member(YamlNode& out, const YAML::Node& key, const YAML::Node& value, int depth) {
    const int line = key.Mark().line + 1;
    if (!key.IsScalar()) throw Refused{line, "has a key that is not text"};
    const auto& name = key.Scalar();
    count(name, line);
    if (out.find(name) != nullptr) throw Refused{line, fmt::format("\"{}\" is there twice", name)};
    auto member = convert(value, depth + 1);
    if (member.kind == YamlNode::Kind::kNull) member.line = line;
    out.members.emplace_back(name, std::move(member));
  }

  // Before the text is copied.
  void count(const std::string& text, int line) {
    octets_ += text.size();
    if (octets_ > kMostText) throw Refused{line, "holds too much text"};
  }

  size_t nodes_ = 0;
  size_t octets_ = 0;  // of texts
};

}  // namespace

const YamlNode* YamlNode::find(std::string_view member) const {
  const auto at = std::ranges::find(members, member, &YamlNode::Member::name);
  return at == members.end() ? nullptr : &at->value;
}

std::optional<YamlNode> read_yaml(const std::string& file, std::string_view text,
                                  Problems& problems) {
  try {
    return Converter().convert(YAML::Load(std::string(text)));
  } catch (const YAML::Exception& e) {
    problems.add(file, e.mark.line + 1, "is no YAML: " + e.msg);
  } catch (const Refused& refused) {
    problems.add(file, refused.line, refused.why);
  }
  return std::nullopt;
}

}  // namespace sluice::app_package
