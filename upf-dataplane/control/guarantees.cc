#include "upf-dataplane/control/guarantees.h"

#include <algorithm>
#include <set>

#include "traffic-rules/compile.h"

namespace sluice::upf {
namespace {

uint64_t kbps(uint64_t bps) { return (bps + 999) / 1000; }

// Names of rates; keys and ids have no control characters.
std::string name_of_app(std::string_view app_instance_id) {
  return fmt::format("\x1f{}", app_instance_id);
}

}  // namespace

std::string Guarantees::name_of(const Entry& entry) {
  return entry.of_app() ? name_of_app(entry.wanted.app_instance_id) : entry.wanted.key;
}

void Guarantees::put(mp2::GuaranteeEntry wanted) {
  const auto known = entries_.find(wanted.key);
  if (known != entries_.end() && known->second.wanted == wanted) return;
  Entry entry{.wanted = std::move(wanted), .uplink = {}, .downlink = {}, .fault = {}};
  if (!entry.of_app()) {
    traffic_rules::TrafficRule flows;
    flows.traffic_filter = entry.wanted.flows;
    flows.action = traffic_rules::Action::kPassthrough;
    if (auto compiled = traffic_rules::compile(entry.wanted.key, 0, flows)) {
      // What is not guaranteed in a direction leaves it to others.
      if (entry.wanted.uplink_bps > 0) entry.uplink = std::move(compiled->uplink);
      if (entry.wanted.downlink_bps > 0) entry.downlink = std::move(compiled->downlink);
    } else {
      entry.fault = compiled.error().to_string();
    }
    const auto names_tunnel = [](const traffic_rules::MatchBox& box) {
      return box.tunnel_src || box.tunnel_dst || box.tunnel_src_port || box.tunnel_dst_port;
    };
    if (std::ranges::any_of(entry.uplink, names_tunnel) ||
        std::ranges::any_of(entry.downlink, names_tunnel)) {
      entry.fault = "flows of guarantees are told by users' packets, not by their tunnels";
    }
  }
  auto key = entry.wanted.key;
  entries_.insert_or_assign(std::move(key), std::move(entry));
}

void Guarantees::keep_only(const std::vector<mp2::GuaranteeEntry>& wanted) {
  std::set<std::string_view> keep;
  for (const auto& entry : wanted) keep.insert(entry.key);
  std::erase_if(entries_, [&](const auto& known) { return !keep.contains(known.first); });
}

// Decides anew which entries are kept: the older ones.
void Guarantees::find_room() {
  std::vector<Entry*> by_age;
  for (auto& [key, entry] : entries_) {
    if (entry.fault.empty()) by_age.push_back(&entry);
  }
  std::ranges::stable_sort(by_age, {}, [](const Entry* entry) { return entry->wanted.order; });
  for (size_t i = 0; i < by_age.size(); ++i) by_age[i]->has_room = i < capacity_;
}

// Brings the rates up to date with the entries.
void Guarantees::sum_up(const Counters& counters) {
  for (auto& [name, rate] : rates_) {
    rate.used = false;
    rate.uplink_bps = rate.downlink_bps = 0;
  }
  for (const auto& [key, entry] : entries_) {
    if (!entry.is_kept()) continue;
    const auto [found, is_new] = rates_.try_emplace(name_of(entry));
    Rate& rate = found->second;
    if (is_new) rate.counter = counters.take();
    rate.used = true;
    rate.uplink_bps += entry.wanted.uplink_bps;
    rate.downlink_bps += entry.wanted.downlink_bps;
  }
  std::erase_if(rates_, [&](const auto& known) {
    if (!known.second.used) counters.give_back(known.second.counter);
    return !known.second.used;
  });
}

void Guarantees::add_to(SteeringTableBuilder& builder, uint64_t ticks_per_second,
                        const Counters& counters) {
  find_room();
  sum_up(counters);
  std::vector<const Entry*> in_order;
  for (const auto& [key, entry] : entries_) {
    if (entry.is_kept()) in_order.push_back(&entry);
  }
  // Flows before apps, so that their guarantees come first where both know a packet.
  std::ranges::stable_sort(in_order, {}, [](const Entry* entry) {
    return std::pair(entry->of_app(), entry->wanted.order);
  });
  for (auto& [name, rate] : rates_) {
    rate.index = kNoRank;
    rate.meters->uplink.set_rate(kbps(rate.uplink_bps), ticks_per_second);
    rate.meters->downlink.set_rate(kbps(rate.downlink_bps), ticks_per_second);
  }
  for (const Entry* entry : in_order) {
    Rate& rate = rates_.find(name_of(*entry))->second;
    if (rate.index == kNoRank) rate.index = builder.add({rate.meters, rate.counter});
    builder.add_flows(rate.index, entry->uplink, entry->downlink);
  }
}

GuaranteeIndex Guarantees::of_rule(std::string_view rule_key) const {
  if (rates_.empty()) return kNoRank;
  const auto found = rates_.find(name_of_app(rule_key.substr(0, rule_key.find('/'))));
  return found == rates_.end() ? kNoRank : found->second.index;
}

void Guarantees::add_address(SteeringTableBuilder& builder, std::string_view rule_key,
                             const IpAddress& address) const {
  const auto guarantee = of_rule(rule_key);
  if (guarantee == kNoRank) return;
  traffic_rules::MatchBox to;
  to.family = address.is_v4() ? traffic_rules::IpFamily::kV4 : traffic_rules::IpFamily::kV6;
  to.dst = IpPrefix::make(address, address.is_v4() ? 32 : 128).value();
  const auto from = traffic_rules::mirrored(to);
  builder.add_flows(guarantee, std::span(&to, 1), std::span(&from, 1));
}

std::vector<mp2::Rejection> Guarantees::rejections() const {
  std::vector<mp2::Rejection> out;
  for (const auto& [key, entry] : entries_) {
    if (entry.is_kept()) continue;
    const auto no_room = [&] {
      return fmt::format("limits.rules, {}, older guarantees are there", capacity_);
    };
    out.push_back({mp2::RuleKind::kGuarantee, key, entry.fault.empty() ? no_room() : entry.fault});
  }
  return out;
}

void Guarantees::each_counter(
    const std::function<void(const std::string&, uint32_t)>& visit) const {
  for (const auto& [key, entry] : entries_) {
    if (entry.is_kept()) visit(key, rates_.find(name_of(entry))->second.counter);
  }
}

}  // namespace sluice::upf
