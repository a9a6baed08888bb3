#include "upf-dataplane/control/steering_manager.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "traffic-rules/compile.h"
#include "upf-dataplane/control/steering_table_builder.h"

namespace sluice::upf {
namespace {

using mp2::SteeringState;

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

// Keys of what is there and not wanted.
template <typename Rules, typename Entries>
std::vector<std::string> keys_beyond(const Rules& rules, const Entries& wanted) {
  std::set<std::string_view> keep;
  for (const auto& entry : wanted) keep.insert(entry.key);
  std::vector<std::string> out;
  for (const auto& [key, rule] : rules) {
    if (!keep.contains(key)) out.push_back(key);
  }
  return out;
}

}  // namespace

SteeringManager::SteeringManager(std::string instance_id, size_t capacity, SharedState& shared,
                                 Neighbours& neighbours, Reclaimer& reclaimer,
                                 CounterBank& counters, const Clock& clock)
    : instance_id_(std::move(instance_id)),
      capacity_(capacity),
      shared_(shared),
      neighbours_(neighbours),
      destinations_(neighbours),
      reclaimer_(reclaimer),
      counters_(counters),
      clock_(clock),
      free_counters_(std::make_shared<std::deque<uint32_t>>()),
      guarantees_(capacity) {
  for (uint32_t i = 1; i < counter_slots(capacity); ++i) {
    free_counters_->push_back(i);
  }
  // Rules that name it have to be in effect when its first session is.
  shared_.networks.announce_to([this] {
    if (std::ranges::any_of(rules_, [](auto& entry) { return !entry.second.rule.scope.empty(); })) {
      publish();
    }
  });
  publish();
}

SteeringManager::~SteeringManager() {
  shared_.networks.announce_to({});
  shared_.steering.store(nullptr, std::memory_order_release);
}

mp2::Hello SteeringManager::hello() {
  mp2::Hello hello;
  hello.instance_id = instance_id_;
  hello.installed = installed_;
  hello.features.actions = destinations_.actions();
  hello.features.destinations = destinations_.interface_types();
  hello.features.max_rules = static_cast<uint32_t>(capacity_);
  hello.features.max_dns_rules = static_cast<uint32_t>(capacity_);
  hello.features.filters = {"srcAddress",
                            "dstAddress",
                            "srcPort",
                            "dstPort",
                            "protocol",
                            "tag",
                            "srcTunnelAddress",
                            "tgtTunnelAddress",
                            "srcTunnelPort",
                            "dstTunnelPort",
                            "qCI",
                            "dSCP",
                            "tC"};
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
  for (const auto& key : keys_beyond(rules_, message.rules)) remove_rule(key);
  for (const auto& key : keys_beyond(dns_, message.dns)) remove_dns(key);
  guarantees_.keep_only(message.guarantees);
  if (message.version.source != tags_source_) users_.clear();
  resolve_tags();
  for (auto& entry : message.rules) put(std::move(entry));
  for (auto& entry : message.dns) put(std::move(entry));
  for (auto& entry : message.guarantees) guarantees_.put(std::move(entry));
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
  for (const auto& key : message.remove_guarantees) guarantees_.remove(key);
  for (auto& entry : message.upsert_guarantees) guarantees_.put(std::move(entry));
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
  for (auto& rejection : guarantees_.rejections()) reply.rejected.push_back(std::move(rejection));
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
                   .missing_tag = {},
                   .has_destinations = false,
                   .to = {},
                   .fate = {}};
  if (auto to = destinations_.resolve(next.rule)) {
    next.to = std::move(*to);
    next.has_destinations = true;
    compile(entry.key, next);
  } else {
    next.rejection = to.error().to_string();
  }
  for (const auto& to : next.to) neighbours_.watch(to.next_hop);
  if (known != rules_.end()) {
    for (const auto& to : known->second.to) to_unwatch_.push_back(to.next_hop);
    next.counter = known->second.counter;
    next.fate = known->second.fate;
    known->second = std::move(next);
  } else {
    next.counter = take_counter(entry.key);
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
  if (const auto port = destinations_.local_port_for(address)) {
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
    next.counter = take_counter(entry.key);
    dns_.emplace(entry.key, std::move(next));
  }
}

void SteeringManager::remove_rule(const std::string& key) {
  const auto found = rules_.find(key);
  if (found == rules_.end()) return;
  for (const auto& to : found->second.to) to_unwatch_.push_back(to.next_hop);
  to_free_.push_back(found->second.counter);
  rules_.erase(found);
}

void SteeringManager::remove_dns(const std::string& key) {
  const auto found = dns_.find(key);
  if (found == dns_.end()) return;
  if (found->second.next_hop != kNoNextHop) to_unwatch_.push_back(found->second.next_hop);
  to_free_.push_back(found->second.counter);
  dns_.erase(found);
}

void SteeringManager::apply(mp2::Tags message) {
  tags_source_ = std::move(message.source);
  users_.clear();
  for (auto& entry : message.tags) users_.emplace(std::move(entry.tag), std::move(entry.addresses));
  resolve_tags();
  publish();
}

// Compiles the rules anew that name tags.
void SteeringManager::resolve_tags() {
  for (auto& [key, rule] : rules_) {
    const bool is_tagged = std::ranges::any_of(
        rule.rule.traffic_filter, [](const auto& filter) { return !filter.tag.empty(); });
    if (is_tagged && rule.has_destinations) compile(key, rule);
  }
}

void SteeringManager::compile(const std::string& key, TrafficRule& rule) const {
  rule.missing_tag.clear();
  rule.rejection.clear();
  const auto users = [&](std::string_view tag) {
    const auto known = users_.find(tag);
    if (known != users_.end()) return known->second;
    if (rule.missing_tag.empty()) rule.missing_tag = tag;
    return std::vector<IpPrefix>();
  };
  if (auto compiled = traffic_rules::compile(key, rule.order, rule.rule, users)) {
    rule.compiled = std::move(*compiled);
  } else {
    rule.rejection = compiled.error().to_string();
  }
}

void SteeringManager::refresh() {
  const auto rule_differs = [&](const auto& entry) {
    const Fate now = fate_of(entry.second);
    return now.state != entry.second.fate.state || now.reason != entry.second.fate.reason;
  };
  const auto name_differs = [&](const auto& entry) {
    const auto& rule = entry.second;
    return rule.next_hop != kNoNextHop &&
           neighbours_.is_reachable(rule.next_hop) != (rule.fate.state == SteeringState::kSteering);
  };
  if (std::ranges::any_of(rules_, rule_differs) || std::ranges::any_of(dns_, name_differs)) {
    publish();
  }
}

SteeringManager::Fate SteeringManager::fate_of(const std::string& rejection,
                                               NextHopId next_hop) const {
  if (!rejection.empty()) return {.state = SteeringState::kRejected, .reason = rejection};
  if (next_hop == kNoNextHop || neighbours_.is_reachable(next_hop)) return {};
  return {.state = SteeringState::kSuspended, .reason = neighbours_.why_unreachable(next_hop)};
}

// Copies leave as long as one destination answers; the other's silence is told beside.
SteeringManager::Fate SteeringManager::fate_of(const TrafficRule& rule) const {
  if (!rule.rejection.empty()) return fate_of(rule.rejection, kNoNextHop);
  if (!rule.missing_tag.empty()) {
    return {.state = SteeringState::kSuspended,
            .reason = fmt::format("the platform has told no users of tag '{}'", rule.missing_tag)};
  }
  if (rule.to.empty()) return {};
  Fate worst;
  size_t silent = 0;
  for (const auto& to : rule.to) {
    Fate fate = fate_of({}, to.next_hop);
    if (fate.state == SteeringState::kSteering) continue;
    ++silent;
    if (worst.reason.empty()) worst = std::move(fate);
  }
  if (silent < rule.to.size()) worst.state = SteeringState::kSteering;
  return worst;
}

// Brings a rule's fate up to date; whether it is in effect.
bool SteeringManager::settle(Fate& fate, Fate now) {
  if (fate.since_ms == 0 || fate.state != now.state) {
    now.since_ms = milliseconds_since_1970(clock_);
    fate = std::move(now);
  } else {
    fate.reason = std::move(now.reason);
  }
  return fate.state == SteeringState::kSteering;
}

void SteeringManager::publish() {
  std::vector<TrafficRule*> active;
  for (auto& [key, rule] : rules_) {
    if (settle(rule.fate, fate_of(rule))) active.push_back(&rule);
  }
  std::ranges::sort(active, [](const TrafficRule* a, const TrafficRule* b) {
    return traffic_rules::precedes(a->compiled, b->compiled);
  });
  SteeringTableBuilder builder(shared_.networks);
  guarantees_.add_to(builder, shared_.ticks_per_second,
                     {.take = [this] { return take_counter({}); },
                      .give_back = [this](uint32_t counter) { to_free_.push_back(counter); }});
  for (const TrafficRule* rule : active) {
    builder.add(rule->compiled, rule->to, rule->counter, guarantees_.of_rule(rule->compiled.key));
  }
  for (const auto& [key, rule] : dns_) {
    if (rule.rejection.empty()) {
      guarantees_.add_address(builder, key, rule.rule.ip_address.value);
    }
  }
  auto next = builder.finish(++last_epoch_);

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
    settle(rule->fate, fate_of(rejection, rule->next_hop));
  }

  shared_.steering.store(next.get(), std::memory_order_release);
  if (published_) reclaimer_.retire([old = std::move(published_)]() mutable { old.reset(); });
  published_ = std::move(next);
  changed_ = true;
  release_dropped();
}

void SteeringManager::release_dropped() {
  for (const auto id : std::exchange(to_unwatch_, {})) neighbours_.unwatch(id);
  for (const auto counter : std::exchange(to_free_, {})) free_counter(counter);
}

std::string SteeringManager::key_of(uint32_t counter) const {
  const auto found = std::ranges::find_if(
      rules_, [&](const auto& entry) { return entry.second.counter == counter; });
  return found == rules_.end() ? std::string() : found->first;
}

mp2::Status SteeringManager::status() const {
  mp2::Status status{.generation = installed_.generation, .rules = {}, .dns = {}};
  const auto add = [&](const std::string& key, const auto& rule, auto& to) {
    const Traffic traffic = counters_.traffic(
        [&](const auto& worker) -> const TrafficCounter& { return worker.rules[rule.counter]; });
    to.push_back({key, rule.fate.state, rule.fate.reason, rule.fate.since_ms, traffic.packets,
                  traffic.bytes});
  };
  guarantees_.each_counter([&](const std::string& key, uint32_t counter) {
    const Traffic traffic = counters_.traffic(
        [&](const auto& worker) -> const TrafficCounter& { return worker.rules[counter]; });
    status.guarantees.push_back(
        {key, SteeringState::kSteering, {}, 0, traffic.packets, traffic.bytes});
  });
  for (const auto& [key, rule] : rules_) add(key, rule, status.rules);
  for (const auto& [key, rule] : dns_) add(key, rule, status.dns);
  return status;
}

uint32_t SteeringManager::take_counter(const std::string& key) {
  if (free_counters_->empty()) return kSharedCounter;
  const uint32_t counter = free_counters_->front();
  free_counters_->pop_front();
  if (on_counter_) on_counter_(counter, key);
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
