#include "mep/steering/desired_set.h"

#include <set>

#include "traffic-rules/identifier.h"

namespace sluice::mep {
namespace {

using traffic_rules::DnsRule;
using traffic_rules::TrafficRule;

// The rules of both kinds go the same way; this names what differs.
struct TrafficPart {
  using Rule = TrafficRule;
  using Entry = mp2::RuleEntry;
  static const auto& records(const AppInstance& app) { return app.traffic_rules; }
  static void complete(Rule&, uint32_t) {}
};
struct DnsPart {
  using Rule = DnsRule;
  using Entry = mp2::DnsEntry;
  static const auto& records(const AppInstance& app) { return app.dns_rules; }
  static void complete(Rule& rule, uint32_t default_ttl_s) {
    if (!rule.ttl_s) rule.ttl_s = default_ttl_s;
  }
};

template <typename Part>
typename Part::Entry entry_of(const AppInstance& app, const RuleRecord<typename Part::Rule>& record,
                              const std::string& id, uint32_t default_ttl_s) {
  typename Part::Entry entry{traffic_rules::rule_key(app.id, id), app.id, record.order,
                             record.rule};
  Part::complete(entry.rule, default_ttl_s);
  return entry;
}

// What `app` wants in effect and `before` (null: nothing) does not have in this form.
template <typename Part>
void add_upserts(const AppInstance* before, const AppInstance& app, uint32_t default_ttl_s,
                 std::vector<typename Part::Entry>& out) {
  for (const auto& [id, record] : Part::records(app)) {
    if (!is_desired(app, *record)) continue;
    if (before != nullptr) {
      const auto old = Part::records(*before).find(id);
      // Records are immutable: the same one is the same content.
      const bool had_it = old != Part::records(*before).end() && old->second == record &&
                          is_desired(*before, *old->second);
      if (had_it) continue;
    }
    out.push_back(entry_of<Part>(app, *record, id, default_ttl_s));
  }
}

// What `before` had in effect and `app` (null: gone) does not want any more.
template <typename Part>
void add_removals(const AppInstance& before, const AppInstance* app,
                  std::vector<std::string>& out) {
  for (const auto& [id, record] : Part::records(before)) {
    if (!is_desired(before, *record)) continue;
    bool still_wanted = false;
    if (app != nullptr) {
      const auto now = Part::records(*app).find(id);
      still_wanted = now != Part::records(*app).end() && is_desired(*app, *now->second);
    }
    if (!still_wanted) out.push_back(traffic_rules::rule_key(before.id, id));
  }
}

void add_difference(const AppInstance* before, const AppInstance* app, uint32_t default_ttl_s,
                    mp2::Update& out) {
  if (before != nullptr) {
    add_removals<TrafficPart>(*before, app, out.remove_rules);
    add_removals<DnsPart>(*before, app, out.remove_dns);
  }
  if (app != nullptr) {
    add_upserts<TrafficPart>(before, *app, default_ttl_s, out.upsert_rules);
    add_upserts<DnsPart>(before, *app, default_ttl_s, out.upsert_dns);
  }
}

}  // namespace

mp2::Replace desired_set(const State& state, uint32_t default_ttl_s) {
  mp2::Replace out;
  out.version = {state.source, state.generation};
  for (const auto& [id, app] : state.apps) {
    add_upserts<TrafficPart>(nullptr, *app, default_ttl_s, out.rules);
    add_upserts<DnsPart>(nullptr, *app, default_ttl_s, out.dns);
  }
  return out;
}

mp2::Update difference(const State& from, const State& to, uint32_t default_ttl_s) {
  mp2::Update out;
  out.version = {to.source, to.generation};
  out.base_generation = from.generation;
  for (const auto& [id, before] : from.apps) {
    const auto* app = to.find_app(id);
    if (app != before.get()) add_difference(before.get(), app, default_ttl_s, out);
  }
  for (const auto& [id, app] : to.apps) {
    if (from.find_app(id) == nullptr) add_difference(nullptr, app.get(), default_ttl_s, out);
  }
  return out;
}

}  // namespace sluice::mep
