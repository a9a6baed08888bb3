#include "upf-dataplane/dns/dns_table.h"

namespace sluice::upf {
bool DnsTable::add(const traffic_rules::DomainName& name, const DnsAddress& address) {
  DnsName& entry = (name.wildcard ? wildcards_ : exact_)[name.wire_form()];
  auto& family = address.address.is_v4() ? entry.v4 : entry.v6;
  if (family.size() >= kMaxAddresses) return false;
  family.push_back(address);
  return true;
}

const DnsName* DnsTable::find(std::string_view name) const {
  if (const auto found = exact_.find(name); found != exact_.end()) return &found->second;
  if (wildcards_.empty()) return nullptr;
  while (name.size() > 1) {
    name.remove_prefix(size_t{static_cast<uint8_t>(name[0])} + 1);
    if (const auto found = wildcards_.find(name); found != wildcards_.end()) return &found->second;
  }
  return nullptr;
}

}  // namespace sluice::upf
