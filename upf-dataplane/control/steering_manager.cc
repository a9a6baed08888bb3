#include "upf-dataplane/control/steering_manager.h"

#include <algorithm>

#include "base/log.h"
#include "traffic-rules/compile.h"
#include "upf-dataplane/control/rule_support.h"

namespace sluice::upf {
namespace {

using mp2::SteeringState;
using traffic_rules::Action;
using traffic_rules::InterfaceType;

// For rules without a ttl, to which a platform gives its own default: not to be kept at all.
constexpr uint32_t kDefaultTtlS = 0;

// Used by rules for which no counter is left: only when whole rule sets are replaced several times
// within one grace period.
constexpr uint32_t kSharedCounter = 0;

uint64_t milliseconds_since_1970(const Clock& clock) {
  const auto elapsed = clock.wall().time_since_epoch();
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count());
}

}  // namespace

SteeringManager::SteeringManager(std::string instance_id, size_t capacity, SharedState& shared,
                                 Neighbours& neighbours, Reclaimer& reclaimer,
                                 CounterBank& counters, const Clock& clock)
    : instance_id_(std::move(instance_id)),
      capacity_(capacity),
      shared_(shared),
      neighbours_(neighbours),
      reclaimer_(reclaimer),
      counters_(counters),
      clock_(clock),
      free_counters_(std::make_shared<std::vector<uint32_t>>()) {
  for (auto i = static_cast<uint32_t>(counter_slots(capacity)) - 1; i > 0; --i) {
    free_counters_->push_back(i);
  }
  publish();
}

SteeringManager::~SteeringManager() { shared_.steering.store(nullptr, std::memory_order_release); }

mp2::Hello SteeringManager::hello() {
  mp2::Hello hello;
  hello.instance_id = instance_id_;
  hello.installed = installed_;
  hello.features.actions = {Action::kDrop, Action::kForwardDecapsulated, Action::kPassthrough};
  hello.features.destinations = {InterfaceType::kIp, InterfaceType::kMac};
  hello.features.max_rules = static_cast<uint32_t>(capacity_);
  hello.features.max_dns_rules = static_cast<uint32_t>(capacity_);
  hello.features.filters = supported_filters();
  return hello;
}

std::expected<mp2::Applied, mp2::Refused> SteeringManager::apply(mp2::Replace message) {
  if (message.rules.size() + message.dns.size() > capacity_) {
    return std::unexpected(
        mp2::Refused{message.version.generation, mp2::RefusalCode::kLimit,
                     fmt::format("{} rules exceed limits.rules, {}",
                                 message.rules.size() + message.dns.size(), capacity_)});
  }
  // What stays keeps its counters and its state; only what is not named any more goes.
  std::map<std::string, bool> keep;
  for (const auto& entry : message.rules) keep.emplace("r" + entry.key, true);
  for (const auto& entry : message.dns) keep.emplace("d" + entry.key, true);
  std::vector<std::string> gone;
  for (const auto& [key, rule] : rules_) {
    if (!keep.contains("r" + key)) gone.push_back(key);
  }
  for (const auto& key : gone) remove_rule(key);
  gone.clear();
  for (const auto& [key, rule] : dns_) {
    if (!keep.contains("d" + key)) gone.push_back(key);
  }
  for (const auto& key : gone) remove_dns(key);
  for (auto& entry : message.rules) put(std::move(entry));
  for (auto& entry : message.dns) put(std::move(entry));
  installed_ = message.version;
  ++sets_applied_;
  publish();
  return applied();
}

std::expected<mp2::Applied, mp2::Refused> SteeringManager::apply(mp2::Update message) {
  size_t total = rules_.size() + dns_.size();
  for (const auto& entry : message.upsert_rules) total += rules_.contains(entry.key) ? 0U : 1U;
  for (const auto& entry : message.upsert_dns) total += dns_.contains(entry.key) ? 0U : 1U;
  for (const auto& key : message.remove_rules) total -= rules_.contains(key) ? 1U : 0U;
  for (const auto& key : message.remove_dns) total -= dns_.contains(key) ? 1U : 0U;
  if (total > capacity_) {
    return std::unexpected(
        mp2::Refused{message.version.generation, mp2::RefusalCode::kLimit,
                     fmt::format("{} rules would exceed limits.rules, {}", total, capacity_)});
  }
  for (const auto& key : message.remove_rules) remove_rule(key);
  for (const auto& key : message.remove_dns) remove_dns(key);
  for (auto& entry : message.upsert_rules) put(std::move(entry));
  for (auto& entry : message.upsert_dns) put(std::move(entry));
  installed_ = message.version;
  ++sets_applied_;
  publish();
  return applied();
}

mp2::Applied SteeringManager::applied() const {
  mp2::Applied reply{.generation = installed_.generation, .rejected = {}};
  for (const auto& [key, rule] : rules_) {
    if (rule.rejection.empty()) continue;
    reply.rejected.push_back({mp2::RuleKind::kTraffic, key, rule.rejection});
  }
  for (const auto& [key, rule] : dns_) {
    if (rule.rejection.empty()) continue;
    reply.rejected.push_back({mp2::RuleKind::kDns, key, rule.rejection});
  }
  return reply;
}

void SteeringManager::put(mp2::RuleEntry entry) {
  const auto known = rules_.find(entry.key);
  if (known != rules_.end() && known->second.order == entry.order &&
      known->second.rule == entry.rule) {
    return;
  }
  TrafficRule next{.order = entry.order,
                   .rule = std::move(entry.rule),
                   .compiled = {},
                   .rejection = {},
                   .fate = {}};
  auto compiled = traffic_rules::compile(entry.key, entry.order, next.rule);
  if (compiled) {
    next.compiled = std::move(*compiled);
    if (const auto ready = prepare(next); !ready) next.rejection = ready.error().to_string();
  } else {
    next.rejection = compiled.error().to_string();
  }
  if (next.next_hop != kNoNextHop) neighbours_.watch(next.next_hop);
  if (known != rules_.end()) {
    if (known->second.next_hop != kNoNextHop) to_unwatch_.push_back(known->second.next_hop);
    next.counter = known->second.counter;
    next.fate = known->second.fate;
    known->second = std::move(next);
  } else {
    next.counter = take_counter();
    rules_.emplace(entry.key, std::move(next));
  }
}

void SteeringManager::put(mp2::DnsEntry entry) {
  const auto known = dns_.find(entry.key);
  if (known != dns_.end() && known->second.order == entry.order &&
      known->second.rule == entry.rule) {
    return;
  }
  DnsRule next{.order = entry.order, .rule = std::move(entry.rule), .rejection = {}, .fate = {}};
  // An answer that points at a local app is given only while the app is there.
  const IpAddress& address = next.rule.ip_address.value;
  if (const auto port = local_port_for(address)) {
    if (const auto hop = neighbours_.next_hop(*port, address)) {
      next.next_hop = *hop;
      neighbours_.watch(*hop);
    } else {
      next.rejection = hop.error().to_string();
    }
  }
  if (known != dns_.end()) {
    if (known->second.next_hop != kNoNextHop) to_unwatch_.push_back(known->second.next_hop);
    next.counter = known->second.counter;
    next.fate = known->second.fate;
    known->second = std::move(next);
  } else {
    next.counter = take_counter();
    dns_.emplace(entry.key, std::move(next));
  }
}

void SteeringManager::remove_rule(const std::string& key) {
  const auto found = rules_.find(key);
  if (found == rules_.end()) return;
  drop(found->second.next_hop, found->second.counter);
  rules_.erase(found);
}

void SteeringManager::remove_dns(const std::string& key) {
  const auto found = dns_.find(key);
  if (found == dns_.end()) return;
  drop(found->second.next_hop, found->second.counter);
  dns_.erase(found);
}

Result<void> SteeringManager::prepare(TrafficRule& rule) {
  const auto action = supported_action(rule.rule.action);
  if (!action) return std::unexpected(action.error());
  if (auto checked = check_filters(rule.rule); !checked) return checked;
  rule.action = *action;
  if (rule.action != SteeringAction::kForwardDecapsulated) return {};
  const auto hop = destination(rule.rule.dst_interface.front());
  if (!hop) return std::unexpected(hop.error());
  rule.next_hop = *hop;
  return {};
}

Result<NextHopId> SteeringManager::destination(const traffic_rules::DestinationInterface& to) {
  switch (to.interface_type) {
    case InterfaceType::kIp: {
      const IpAddress& address = to.dst_ip_address->value;
      if (const auto port = local_port_for(address)) return neighbours_.next_hop(*port, address);
      return std::unexpected(
          Error{ErrorCode::kInvalidArgument,
                fmt::format("no local-dn port of this site leads to {}", address.to_string()),
                "dstInterface.dstIpAddress"});
    }
    case InterfaceType::kMac: {
      const auto own = to.src_mac_address ? std::optional(to.src_mac_address->value) : std::nullopt;
      if (const auto port = local_port_with(own)) {
        return neighbours_.fixed(*port, to.dst_mac_address->value);
      }
      return std::unexpected(Error{
          ErrorCode::kInvalidArgument,
          own ? "no local-dn port of this site has that address" : "this site has no local-dn port",
          "dstInterface.srcMacAddress"});
    }
    case InterfaceType::kTunnel:
      break;
  }
  return std::unexpected(Error{ErrorCode::kUnsupported,
                               "this user plane does not forward into tunnels",
                               "dstInterface.interfaceType"});
}

// The local-dn port whose network holds the address, or else the first with a gateway for it.
std::optional<PortIndex> SteeringManager::local_port_for(const IpAddress& address) const {
  const auto& ports = neighbours_.ports();
  std::optional<PortIndex> routed;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].role != PortRole::kLocalDn) continue;
    if (ports[i].on_link(address) != nullptr) return static_cast<PortIndex>(i);
    const auto gateway = address.is_v4() ? ports[i].gateway_v4 : ports[i].gateway_v6;
    if (gateway != kNoNextHop && !routed) routed = static_cast<PortIndex>(i);
  }
  return routed;
}

std::optional<PortIndex> SteeringManager::local_port_with(
    const std::optional<MacAddress>& mac) const {
  const auto& ports = neighbours_.ports();
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].role == PortRole::kLocalDn && (!mac || ports[i].mac == *mac)) {
      return static_cast<PortIndex>(i);
    }
  }
  return std::nullopt;
}

void SteeringManager::refresh() {
  const auto differs = [&](const auto& entry) {
    const auto& rule = entry.second;
    return rule.next_hop != kNoNextHop &&
           neighbours_.is_reachable(rule.next_hop) != (rule.fate.state == SteeringState::kSteering);
  };
  if (std::ranges::any_of(rules_, differs) || std::ranges::any_of(dns_, differs)) publish();
}

// Brings a rule's fate up to date; whether it is in effect.
bool SteeringManager::settle(Fate& fate, const std::string& rejection, NextHopId next_hop) {
  Fate now;
  if (!rejection.empty()) {
    now.state = SteeringState::kRejected;
    now.reason = rejection;
  } else if (next_hop != kNoNextHop && !neighbours_.is_reachable(next_hop)) {
    now.state = SteeringState::kSuspended;
    now.reason = neighbours_.why_unreachable(next_hop);
  }
  if (fate.since_ms == 0 || fate.state != now.state) {
    now.since_ms = milliseconds_since_1970(clock_);
    fate = now;
  } else {
    fate.reason = now.reason;
  }
  return fate.state == SteeringState::kSteering;
}

void SteeringManager::publish() {
  auto next = std::make_unique<SteeringTable>();
  next->epoch = ++last_epoch_;

  std::vector<TrafficRule*> active;
  for (auto& [key, rule] : rules_) {
    if (settle(rule.fate, rule.rejection, rule.next_hop)) active.push_back(&rule);
  }
  std::ranges::sort(active, [](const TrafficRule* a, const TrafficRule* b) {
    return traffic_rules::precedes(a->compiled, b->compiled);
  });
  std::vector<Classifier::Entry> uplink;
  std::vector<Classifier::Entry> downlink;
  for (const TrafficRule* rule : active) {
    const auto rank = static_cast<Rank>(next->rules.size());
    next->rules.push_back({rule->action, rule->next_hop, rule->counter});
    for (const auto& box : rule->compiled.uplink) uplink.push_back({box, rank});
    for (const auto& box : rule->compiled.downlink) downlink.push_back({box, rank});
  }
  next->uplink = Classifier(uplink);
  next->downlink = Classifier(downlink);

  std::vector<DnsRule*> names;
  for (auto& [key, rule] : dns_) names.push_back(&rule);
  // Older rules first, so that their addresses come first under a name that several share.
  std::ranges::stable_sort(names, {}, [](const DnsRule* rule) { return rule->order; });
  for (DnsRule* rule : names) {
    auto rejection = rule->rejection;
    const bool usable = rejection.empty() &&
                        (rule->next_hop == kNoNextHop || neighbours_.is_reachable(rule->next_hop));
    if (usable && !next->dns.add(rule->rule.domain_name.value,
                                 {.address = rule->rule.ip_address.value,
                                  .ttl_s = rule->rule.ttl_s.value_or(kDefaultTtlS),
                                  .counter = rule->counter})) {
      rejection = fmt::format("the name has {} addresses already", DnsTable::kMaxAddresses);
    }
    settle(rule->fate, rejection, rule->next_hop);
  }

  shared_.steering.store(next.get(), std::memory_order_release);
  if (published_) reclaimer_.retire([old = std::move(published_)]() mutable { old.reset(); });
  published_ = std::move(next);
  changed_ = true;
  release_dropped();
}

// What a rule used; given back when no table names it any more.
void SteeringManager::drop(NextHopId next_hop, uint32_t counter) {
  if (next_hop != kNoNextHop) to_unwatch_.push_back(next_hop);
  to_free_.push_back(counter);
}

void SteeringManager::release_dropped() {
  for (const auto id : std::exchange(to_unwatch_, {})) neighbours_.unwatch(id);
  for (const auto counter : std::exchange(to_free_, {})) free_counter(counter);
}

mp2::Status SteeringManager::status() const {
  mp2::Status status{.generation = installed_.generation, .rules = {}, .dns = {}};
  const auto add = [&](const std::string& key, const auto& rule, auto& to) {
    const Traffic traffic = counters_.traffic(
        [&](const auto& worker) -> const TrafficCounter& { return worker.rules[rule.counter]; });
    to.push_back({key, rule.fate.state, rule.fate.reason, rule.fate.since_ms, traffic.packets,
                  traffic.bytes});
  };
  for (const auto& [key, rule] : rules_) add(key, rule, status.rules);
  for (const auto& [key, rule] : dns_) add(key, rule, status.dns);
  return status;
}

uint32_t SteeringManager::take_counter() {
  if (free_counters_->empty()) return kSharedCounter;
  const uint32_t counter = free_counters_->back();
  free_counters_->pop_back();
  return counter;
}

void SteeringManager::free_counter(uint32_t counter) {
  if (counter == kSharedCounter) return;
  reclaimer_.retire([counter, free = free_counters_, &counters = counters_] {
    counters.each([counter](WorkerCounters& worker) {
      worker.rules[counter].packets.reset();
      worker.rules[counter].bytes.reset();
    });
    free->push_back(counter);
  });
}

}  // namespace sluice::upf
