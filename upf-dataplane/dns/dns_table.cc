#include "upf-dataplane/dns/dns_table.h"

namespace sluice::upf {
bool DnsTable::add(const traffic_rules::DomainName& name, const DnsAddress& address) {
  DnsName& entry = names_[name];
  auto& family = address.address.is_v4() ? entry.v4 : entry.v6;
  if (family.size() >= kMaxAddresses) return false;
  family.push_back(address);
  return true;
}

}  // namespace sluice::upf
