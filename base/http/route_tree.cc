#include "base/http/route_tree.h"

namespace sluice::http {

Result<void> RouteTree::add(Method method, std::string_view path, Route route) {
  Node* node = &root_;
  for (auto rest = path; !rest.empty();) {
    rest.remove_prefix(1);  // the slash
    const auto segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(segment.size());
    std::unique_ptr<Node>* next = nullptr;
    if (segment.starts_with('{') && segment.ends_with('}')) {
      route.parameters.emplace_back(segment.substr(1, segment.size() - 2));
      next = &node->parameter;
    } else {
      next = &node->literals[std::string(segment)];
    }
    if (!*next) *next = std::make_unique<Node>();
    node = next->get();
  }
  auto& slot = node->methods[static_cast<size_t>(method)];
  if (slot) return fail(ErrorCode::kConflict, "{} {} is routed twice", to_string(method), path);
  node->terminal = true;
  routes_.push_back(std::make_unique<const Route>(std::move(route)));
  slot = routes_.back().get();
  return {};
}

const RouteTree::Methods* RouteTree::find(std::span<const std::string_view> segments,
                                          std::vector<std::string_view>& values) const {
  const Node* node = descend(root_, segments, values);
  return node ? &node->methods : nullptr;
}

const RouteTree::Node* RouteTree::descend(const Node& from,
                                          std::span<const std::string_view> segments,
                                          std::vector<std::string_view>& values) {
  if (segments.empty()) return from.terminal ? &from : nullptr;
  const auto& segment = segments.front();
  if (const auto it = from.literals.find(segment); it != from.literals.end()) {
    const size_t had = values.size();
    if (const Node* found = descend(*it->second, segments.subspan(1), values)) return found;
    values.resize(had);
  }
  if (!from.parameter || segment.empty()) return nullptr;
  values.push_back(segment);
  const Node* found = descend(*from.parameter, segments.subspan(1), values);
  if (!found) values.pop_back();
  return found;
}

}  // namespace sluice::http
