// Finds the route of a path: a tree over path segments, a literal segment before a parameter.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/http/message.h"

namespace sluice::http {

struct Operation;

// What answers one method of one path.
struct Route {
  const Operation* operation = nullptr;  // null: outside any document
  std::function<Response(const Request&)> handler;
  std::vector<std::string> parameters;  // names, in the order of the path
};

class RouteTree {
 public:
  using Methods = std::array<const Route*, 7>;  // by Method; null: not supported

  // `path` is a template: "/a/{id}/b". kConflict when the method of that path is taken, also by a
  // template that differs in nothing but the names of its parameters.
  Result<void> add(Method method, std::string_view path, Route route);

  // The methods of the path, null when there is no such path. `values` receives the segments that
  // stand for parameters, in order.
  const Methods* find(std::span<const std::string_view> segments,
                      std::vector<std::string_view>& values) const;

 private:
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
    std::unique_ptr<Node> parameter;
    Methods methods{};
    bool terminal = false;
  };
  static const Node* descend(const Node& from, std::span<const std::string_view> segments,
                             std::vector<std::string_view>& values);

  Node root_;
  std::vector<std::unique_ptr<const Route>> routes_;
};

}  // namespace sluice::http
