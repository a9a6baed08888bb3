// Something by domain name, found as DNS finds names.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "traffic-rules/domain_name.h"

namespace sluice::traffic_rules {

struct NameHash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
};

// Names are in wire format, lower case, with their final zero octet; a wildcard is named by what is
// below its asterisk.
template <typename T>
class NameMap {
 public:
  // What the name has, made when it has nothing yet.
  T& operator[](const DomainName& name) {
    return (name.wildcard ? wildcards_ : exact_)[name.wire_form()];
  }
  void erase(const DomainName& name) {
    (name.wildcard ? wildcards_ : exact_).erase(name.wire_form());
  }
  void clear() {
    exact_.clear();
    wildcards_.clear();
  }
  bool empty() const { return exact_.empty() && wildcards_.empty(); }

  // An exact name is preferred to a wildcard, and of these the one closest to `name` (RFC 4592
  // §3.3.1). Null: none covers it.
  const T* find(std::string_view name) const {
    if (const auto found = exact_.find(name); found != exact_.end()) return &found->second;
    if (wildcards_.empty()) return nullptr;
    while (name.size() > 1) {
      name.remove_prefix(size_t{static_cast<uint8_t>(name[0])} + 1);
      if (const auto found = wildcards_.find(name); found != wildcards_.end()) {
        return &found->second;
      }
    }
    return nullptr;
  }

 private:
  using Names = std::unordered_map<std::string, T, NameHash, std::equal_to<>>;

  Names exact_;
  Names wildcards_;
};

}  // namespace sluice::traffic_rules
