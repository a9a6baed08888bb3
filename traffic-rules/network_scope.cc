#include "traffic-rules/network_scope.h"

#include <algorithm>
#include <cctype>

namespace sluice::traffic_rules {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "mnc001" for "mnc".
bool is_code(std::string_view label, std::string_view kind) {
  return label.size() == 6 && label.starts_with(kind) &&
         std::ranges::all_of(label.substr(3), is_digit);
}

// Both name the same, or one of them says nothing.
bool same_dnn(const std::string& a, const std::string& b) {
  return network_identifier(a) == network_identifier(b);
}

bool covers_one(const NetworkScope& outer, const NetworkScope& inner) {
  return (outer.dnn.empty() || (!inner.dnn.empty() && same_dnn(outer.dnn, inner.dnn))) &&
         (!outer.snssai || outer.snssai == inner.snssai);
}

bool meets_one(const NetworkScope& a, const NetworkScope& b) {
  return (a.dnn.empty() || b.dnn.empty() || same_dnn(a.dnn, b.dnn)) &&
         (!a.snssai || !b.snssai || a.snssai == b.snssai);
}

}  // namespace

std::string network_identifier(std::string_view dnn) {
  constexpr size_t kOperatorBytes = sizeof(".mnc001.mcc001.gprs") - 1;
  std::string name(dnn);
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (name.size() <= kOperatorBytes) return name;
  const auto tail = std::string_view(name).substr(name.size() - kOperatorBytes);
  const bool is_operator = tail[0] == '.' && is_code(tail.substr(1, 6), "mnc") && tail[7] == '.' &&
                           is_code(tail.substr(8, 6), "mcc") && tail.substr(14) == ".gprs";
  if (is_operator) name.resize(name.size() - kOperatorBytes);
  return name;
}

bool contains(const NetworkScope& scope, const Network& network) {
  return (scope.dnn.empty() || (!network.dnn.empty() && same_dnn(scope.dnn, network.dnn))) &&
         (!scope.snssai || scope.snssai == network.snssai);
}

bool in_scope(std::span<const NetworkScope> scopes, const Network& network) {
  return scopes.empty() ||
         std::ranges::any_of(scopes, [&](const auto& scope) { return contains(scope, network); });
}

bool covers(std::span<const NetworkScope> outer, std::span<const NetworkScope> inner) {
  if (outer.empty()) return true;
  if (inner.empty()) return false;
  return std::ranges::all_of(inner, [&](const auto& one) {
    return std::ranges::any_of(outer, [&](const auto& wide) { return covers_one(wide, one); });
  });
}

bool meets(std::span<const NetworkScope> a, std::span<const NetworkScope> b) {
  if (a.empty() || b.empty()) return true;
  return std::ranges::any_of(a, [&](const auto& one) {
    return std::ranges::any_of(b, [&](const auto& other) { return meets_one(one, other); });
  });
}

}  // namespace sluice::traffic_rules
