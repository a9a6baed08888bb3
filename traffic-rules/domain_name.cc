#include "traffic-rules/domain_name.h"

#include <algorithm>

namespace sluice::traffic_rules {
namespace {

constexpr size_t kMaxName = 253;  // characters without the trailing dot (RFC 1035 §3.1: 255 octets)
constexpr size_t kMaxLabel = 63;

bool is_digit(char c) { return '0' <= c && c <= '9'; }
bool is_letter_or_digit(char c) { return is_digit(c) || ('a' <= c && c <= 'z'); }

Result<void> check_label(std::string_view label, std::string_view name) {
  if (label.empty()) return fail(ErrorCode::kInvalidArgument, "'{}' has an empty label", name);
  if (label.size() > kMaxLabel) {
    return fail(ErrorCode::kInvalidArgument, "label '{}' is longer than {} characters", label,
                kMaxLabel);
  }
  const bool well_formed = label.front() != '-' && label.back() != '-' &&
                           std::all_of(label.begin(), label.end(),
                                       [](char c) { return is_letter_or_digit(c) || c == '-'; });
  if (!well_formed) {
    return fail(ErrorCode::kInvalidArgument,
                "label '{}' may have only letters, digits and inner hyphens", label);
  }
  return {};
}

}  // namespace

Result<DomainName> DomainName::parse(std::string_view text) {
  DomainName out;
  out.name = text;
  // Not std::tolower: names compare in ASCII whatever the locale (RFC 4343).
  for (char& c : out.name) {
    if ('A' <= c && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (out.name.ends_with('.')) out.name.pop_back();
  if (out.name.size() > kMaxName) {
    return fail(ErrorCode::kInvalidArgument, "the name is longer than {} characters", kMaxName);
  }
  if (out.name.starts_with("*.")) {
    out.wildcard = true;
    out.name.erase(0, 2);
  }
  if (out.name.empty()) return fail(ErrorCode::kInvalidArgument, "'{}' is not a domain name", text);

  std::string_view rest = out.name;
  std::string_view label;
  for (bool more = true; more;) {
    const auto dot = rest.find('.');
    more = dot != std::string_view::npos;
    label = rest.substr(0, dot);
    if (auto ok = check_label(label, text); !ok) return std::unexpected(ok.error());
    if (more) rest.remove_prefix(dot + 1);
  }
  // RFC 1123 §2.1: a name can be told from an address because its last label is not a number.
  if (std::all_of(label.begin(), label.end(), is_digit)) {
    return fail(ErrorCode::kInvalidArgument, "'{}' ends in a number, as an address does", text);
  }
  return out;
}

bool DomainName::covers(std::string_view query) const {
  if (!wildcard) return query == name;
  return query.size() > name.size() + 1 && query.ends_with(name) &&
         query[query.size() - name.size() - 1] == '.';
}

std::string DomainName::wire_form() const {
  std::string wire;
  wire.reserve(name.size() + 2);
  std::string_view rest = name;
  while (!rest.empty()) {
    const auto dot = rest.find('.');
    const auto label = rest.substr(0, dot);
    wire.push_back(static_cast<char>(label.size()));
    wire.append(label);
    rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(dot + 1);
  }
  wire.push_back('\0');
  return wire;
}

}  // namespace sluice::traffic_rules
