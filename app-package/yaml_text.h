// A YAML document with the line of everything in it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app-package/problems.h"

namespace sluice::app_package {

// A node: text, a list or a mapping, or nothing. Scalars stay text as they were written, so that a
// version 1.10 does not become the number 1.1.
struct YamlNode {
  struct Member;
  enum class Kind : unsigned char { kNull, kText, kList, kMap };
  Kind kind = Kind::kNull;
  int line = 0;  // from 1
  std::string text;
  std::vector<YamlNode> items;  // of a list
  std::vector<Member> members;  // of a mapping, in their order

  const YamlNode* find(std::string_view member) const;  // null: none, or no mapping
};

struct YamlNode::Member {
  std::string name;
  YamlNode value;
};

// One document. What is no YAML, has a member twice, or is nested or repeated (by aliases) beyond
// reason is a problem; nothing then.
std::optional<YamlNode> read_yaml(const std::string& file, std::string_view text,
                                  Problems& problems);

}  // namespace sluice::app_package
