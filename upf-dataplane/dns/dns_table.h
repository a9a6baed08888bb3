// The names that active DNS rules answer for, by wire-format name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/net/ip_address.h"
#include "traffic-rules/name_map.h"

namespace sluice::upf {

// One address under a name.
struct DnsAddress {
  IpAddress address;
  uint32_t ttl_s = 0;
  uint32_t counter = 0;  // index of the rule's hit counters
};

// All addresses of a name; a family without any is answered NODATA, so that a UE does not find the
// centre by the other one.
struct DnsName {
  std::vector<DnsAddress> v4;
  std::vector<DnsAddress> v6;
};

// Immutable once filled.
class DnsTable {
 public:
  // An answer carries at most this many addresses of a family; with a name of full length it then
  // still fits into 512 bytes (RFC 1035 §4.2.1).
  static constexpr size_t kMaxAddresses = 8;

  // False when the name has kMaxAddresses of the family already.
  bool add(const traffic_rules::DomainName& name, const DnsAddress& address);

  bool empty() const { return names_.empty(); }

  // `name` in wire format, lower case, with its final zero octet. An exact name is preferred to a
  // wildcard, and of these the one closest to the name (RFC 4592 §3.3.1).
  const DnsName* find(std::string_view name) const { return names_.find(name); }

 private:
  traffic_rules::NameMap<DnsName> names_;
};

}  // namespace sluice::upf
