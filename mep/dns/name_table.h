// The names that rules answer for, as the user plane's table has them (upf-dataplane/dns): an
// exact name before a wildcard, of wildcards the closest (RFC 4592 §3.3.1), at most eight addresses
// of a family, first those of the rule that was provisioned first.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/net/ip_address.h"
#include "traffic-rules/model.h"
#include "traffic-rules/name_map.h"

namespace sluice::mep::dns {

struct NameAddress {
  IpAddress address;
  uint32_t ttl_s = 0;
};

// A family without addresses is answered NODATA.
struct NameAnswers {
  std::vector<NameAddress> v4;
  std::vector<NameAddress> v6;
};

// Changes one rule at a time, at a cost that does not grow with the number of rules. For one
// thread.
class NameTable {
 public:
  static constexpr size_t kMaxAddresses = 8;

  // Adds the rule or replaces what had its key. A rule without ttl is answered with ttl 0. A new
  // rule is usable.
  void put(const std::string& key, uint64_t order, const traffic_rules::DnsRule& rule);
  void remove(const std::string& key);  // unknown: nothing happens
  // A rule that is not usable is as if it were not there; unknown keys are ignored.
  void set_usable(const std::string& key, bool usable);
  void clear();

  size_t rules() const { return rules_.size(); }

  // `name` in wire format, lower case, with its final zero octet; null: no rule says anything.
  const NameAnswers* find(std::string_view name) const { return answers_.find(name); }

 private:
  struct Rule {
    traffic_rules::DomainName name;
    uint64_t order = 0;
    NameAddress address;
    bool usable = true;
  };
  void refresh(const traffic_rules::DomainName& name);

  std::unordered_map<std::string, Rule> rules_;  // by key
  // Keys of the rules of a name, by its text, in the order in which they answer.
  std::unordered_map<std::string, std::map<std::pair<uint64_t, std::string>, const Rule*>>
      rules_of_;
  traffic_rules::NameMap<NameAnswers> answers_;  // of names with at least one usable rule
};

}  // namespace sluice::mep::dns
