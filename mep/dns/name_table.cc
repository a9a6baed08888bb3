#include "mep/dns/name_table.h"

namespace sluice::mep::dns {

using traffic_rules::DomainName;

void NameTable::put(const std::string& key, uint64_t order, const traffic_rules::DnsRule& rule) {
  remove(key);
  const auto& name = rule.domain_name.value;
  const auto [entry, added] =
      rules_.emplace(key, Rule{.name = name,
                               .order = order,
                               .address = {rule.ip_address.value, rule.ttl_s.value_or(0)}});
  rules_of_[name.to_string()].emplace(std::pair(order, key), &entry->second);
  refresh(name);
}

void NameTable::remove(const std::string& key) {
  const auto found = rules_.find(key);
  if (found == rules_.end()) return;
  const auto rule = std::move(found->second);
  rules_.erase(found);
  const auto of_name = rules_of_.find(rule.name.to_string());
  of_name->second.erase(std::pair(rule.order, key));
  if (of_name->second.empty()) rules_of_.erase(of_name);
  refresh(rule.name);
}

void NameTable::set_usable(const std::string& key, bool usable) {
  const auto found = rules_.find(key);
  if (found == rules_.end() || found->second.usable == usable) return;
  found->second.usable = usable;
  refresh(found->second.name);
}

void NameTable::clear() {
  rules_.clear();
  rules_of_.clear();
  answers_.clear();
}

void NameTable::refresh(const DomainName& name) {
  NameAnswers answers;
  if (const auto found = rules_of_.find(name.to_string()); found != rules_of_.end()) {
    for (const auto& [position, rule] : found->second) {
      auto& family = rule->address.address.is_v4() ? answers.v4 : answers.v6;
      if (rule->usable && family.size() < kMaxAddresses) family.push_back(rule->address);
    }
  }
  if (answers.v4.empty() && answers.v6.empty()) {
    answers_.erase(name);
  } else {
    answers_[name] = std::move(answers);
  }
}

}  // namespace sluice::mep::dns
