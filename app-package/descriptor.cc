#include "app-package/descriptor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app-package/appd_shape.h"
#include "app-package/descriptor_checks.h"
#include "app-package/yaml_text.h"
#include "base/utf8.h"

namespace sluice::app_package {
namespace {

constexpr std::string_view kToscaVersion = "tosca_definitions_version";

// The properties of the node template that is the AppD.
const YamlNode* find_appd(const YamlNode& root, const std::string& file, Problems& problems) {
  if (root.find(kToscaVersion) == nullptr) return &root;
  const auto* topology = root.find("topology_template");
  const auto* templates = topology != nullptr ? topology->find("node_templates") : nullptr;
  if (templates == nullptr) {
    problems.add(file, root.line, "topology_template.node_templates is missing");
    return nullptr;
  }
  const YamlNode* found = nullptr;
  for (const auto& [name, node] : templates->members) {
    const auto* properties = node.find("properties");
    if (properties == nullptr || properties->find("appDId") == nullptr) continue;
    if (found != nullptr) {
      problems.add(file, node.line,
                   fmt::format("node template \"{}\" is a second AppD; a package has one", name));
      return nullptr;
    }
    found = properties;
  }
  if (found == nullptr) {
    problems.add(file, templates->line,
                 "no node template has the properties of an AppD (appDId is missing)");
  }
  return found;
}

void check_metadata(const YamlNode& root, const std::string& file, Problems& problems) {
  const auto* metadata = root.find("metadata");
  for (const auto* name : {"template_name", "template_author", "template_version"}) {
    if (metadata != nullptr && metadata->find(name) != nullptr) continue;
    problems.add(
        file, metadata != nullptr ? metadata->line : root.line,
        fmt::format("metadata.{} is missing; a package without TOSCA-Metadata needs it", name));
  }
}

}  // namespace

std::optional<Descriptor> read_descriptor(const std::string& file, std::string_view text,
                                          bool metadata_required, const PackagedFiles& files,
                                          Problems& problems) {
  if (const auto at = find_no_utf8(text); at < text.size()) {
    const auto lines = std::ranges::count(text.substr(0, at), '\n');
    problems.add(file, static_cast<int>(lines) + 1, "holds an octet that is no UTF-8");
    return std::nullopt;
  }
  const auto root = read_yaml(file, text, problems);
  if (!root) return std::nullopt;
  if (root->kind != YamlNode::Kind::kMap) {
    problems.add(file, root->line, "the descriptor has to be a mapping");
    return std::nullopt;
  }
  if (metadata_required) check_metadata(*root, file, problems);
  const auto* properties = find_appd(*root, file, problems);
  if (properties == nullptr) return std::nullopt;
  const auto before = problems.size();
  Lines lines;
  Descriptor out{read_by_shape(*properties, appd_shape(), file, problems, lines)};
  // What does not even have the right form cannot contradict anything.
  if (problems.size() == before) check_descriptor(out.appd, files, {file, lines, problems});
  return out;
}

}  // namespace sluice::app_package
