#include "upf-dataplane/dns/dns_table.h"

namespace sluice::upf {
namespace {

// "a.example" to "\1a\7example\0"; the name is valid already.
std::string wire_form(std::string_view name) {
  std::string wire;
  while (!name.empty()) {
    const auto dot = name.find('.');
    const auto label = name.substr(0, dot);
    wire.push_back(static_cast<char>(label.size()));
    wire.append(label);
    name = dot == std::string_view::npos ? std::string_view{} : name.substr(dot + 1);
  }
  wire.push_back('\0');
  return wire;
}

}  // namespace

bool DnsTable::add(const traffic_rules::DomainName& name, const DnsAddress& address) {
  DnsName& entry = (name.wildcard ? wildcards_ : exact_)[wire_form(name.name)];
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
