#include "upf-dataplane/pfcp/session_edit.h"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::upf::pfcp {
namespace {

constexpr RuleType rule_type(PdrId) { return RuleType::kPdr; }
constexpr RuleType rule_type(FarId) { return RuleType::kFar; }
constexpr RuleType rule_type(QerId) { return RuleType::kQer; }
constexpr RuleType rule_type(BarId) { return RuleType::kBar; }
constexpr RuleType rule_type(UrrId) { return RuleType::kUrr; }

template <typename Id>
Rejection rule_failure(Cause cause, IeType type, Id id, std::string reason) {
  return {cause, type, FailedRuleId{rule_type(id), id.value()}, std::move(reason)};
}

// The id in an Update or Remove group.
template <typename Id>
std::optional<Id> rule_id(const Ie& group, GroupReader& request) {
  auto id = read<Id>(group.children);
  if (!id) {
    request.refuse(Cause::kMandatoryIeMissing, IeCodec<Id>::kType, "is missing");
  } else if (!*id) {
    request.refuse(id->error().cause, IeCodec<Id>::kType, id->error().reason);
  } else {
    return **id;
  }
  return std::nullopt;
}

// The rule that an Update or Remove group names, which has to exist.
template <typename Id, typename Rule>
Rule* named_rule(const Ie& group, std::map<Id, Rule>& rules, GroupReader& request) {
  const auto id = rule_id<Id>(group, request);
  if (!id) return nullptr;
  const auto found = rules.find(*id);
  if (found != rules.end()) return &found->second;
  request.refuse(rule_failure(Cause::kRuleCreationOrModificationFailure, IeCodec<Id>::kType, *id,
                              fmt::format("there is no rule {}", id->value())));
  return nullptr;
}

template <typename Id, typename Rule>
void remove_named(IeType type, std::map<Id, Rule>& rules, GroupReader& request) {
  for (const Ie* group : request.groups(type)) {
    if (const Rule* rule = named_rule(*group, rules, request)) rules.erase(Id(rule->id));
  }
}

// Adds a rule that was read, unless its id is taken or there are enough.
template <typename Id, typename Rule>
bool add(std::map<Id, Rule>& rules, size_t limit, Rule rule, GroupReader& request) {
  const Id id = rule.id;
  if (rules.size() >= limit) {
    request.refuse(rule_failure(Cause::kNoResourcesAvailable, IeCodec<Id>::kType, id,
                                fmt::format("a session has at most {} of these", limit)));
    return false;
  }
  if (!rules.emplace(id, std::move(rule)).second) {
    request.refuse(rule_failure(Cause::kRuleCreationOrModificationFailure, IeCodec<Id>::kType, id,
                                fmt::format("there is a rule {} already", id.value())));
    return false;
  }
  return true;
}

}  // namespace

void SessionEdit::create(GroupReader& request) {
  create_rules(request);
  if (!request.failed()) check_references(request);
}

void SessionEdit::modify(GroupReader& request) {
  for (const Ie* group : request.groups(IeType::kUpdatePdr)) filters_.announce(*group);
  remove_rules(request);
  create_rules(request);
  update_rules(request);
  if (!request.failed()) check_references(request);
}

void SessionEdit::remove_rules(GroupReader& request) {
  for (const Ie* group : request.groups(IeType::kRemoveTrafficEndpoint)) {
    remove_endpoint(*group, request);
  }
  remove_named(IeType::kRemovePdr, session_.spec.pdrs, request);
  remove_named(IeType::kRemoveFar, session_.spec.fars, request);
  remove_named(IeType::kRemoveQer, session_.spec.qers, request);
  remove_named(IeType::kRemoveBar, session_.spec.bars, request);
  for (const auto& [id, urr] : session_.spec.urrs) removed_urrs_.insert(id);
  remove_named(IeType::kRemoveUrr, session_.spec.urrs, request);
  for (const auto& [id, urr] : session_.spec.urrs) removed_urrs_.erase(id);
  for (auto& [id, pdr] : session_.spec.pdrs) {
    // §5.2.2.3.1: a removed URR is no longer any PDR's; a removed FAR or QER has to be replaced.
    std::erase_if(pdr.urrs, [this](UrrId urr) { return !session_.spec.urrs.contains(urr); });
  }
  std::erase_if(session_.forwarding_known,
                [this](FarId id) { return !session_.spec.fars.contains(id); });
}

void SessionEdit::create_rules(GroupReader& request) {
  for (const Ie* group : request.groups(IeType::kCreatePdr)) filters_.announce(*group);
  for (const Ie* group : request.groups(IeType::kCreateBar)) create_bar(*group, request);
  for (const Ie* group : request.groups(IeType::kCreateFar)) create_far(*group, request);
  for (const Ie* group : request.groups(IeType::kCreateQer)) create_qer(*group, request);
  for (const Ie* group : request.groups(IeType::kCreateUrr)) create_urr(*group, request);
  for (const Ie* group : request.groups(IeType::kCreateTrafficEndpoint)) {
    create_endpoint(*group, request);
  }
  for (const Ie* group : request.groups(IeType::kCreatePdr)) create_pdr(*group, request);
}

void SessionEdit::update_rules(GroupReader& request) {
  for (const Ie* group : request.groups(IeType::kUpdateBarSessionModificationRequest)) {
    update_bar(*group, request);
  }
  for (const Ie* group : request.groups(IeType::kUpdateFar)) update_far(*group, request);
  for (const Ie* group : request.groups(IeType::kUpdateQer)) update_qer(*group, request);
  for (const Ie* group : request.groups(IeType::kUpdateUrr)) update_urr(*group, request);
  for (const Ie* group : request.groups(IeType::kUpdateTrafficEndpoint)) {
    update_endpoint(*group, request);
  }
  for (const Ie* group : request.groups(IeType::kUpdatePdr)) update_pdr(*group, request);
}

void SessionEdit::create_pdr(const Ie& group, GroupReader& request) {
  if (request.failed()) return;
  auto made = read_create_pdr(group, pdr_context());
  if (!made) return request.refuse(std::move(made.error()));
  const PdrId id = made->pdr.id;
  const Chosen chosen = made->chosen;
  if (add(session_.spec.pdrs, limits_.pdrs_per_session, std::move(made->pdr), request) &&
      chosen.any()) {
    chosen_[id] = chosen;
  }
}

void SessionEdit::create_far(const Ie& group, GroupReader& request) {
  if (request.failed()) return;
  auto made = read_create_far(group);
  if (!made) return request.refuse(std::move(made.error()));
  if (made->forwarding_known) session_.forwarding_known.insert(made->far.id);
  add(session_.spec.fars, limits_.fars_per_session, std::move(made->far), request);
}

void SessionEdit::create_qer(const Ie& group, GroupReader& request) {
  if (request.failed()) return;
  auto made = read_create_qer(group);
  if (!made) return request.refuse(std::move(made.error()));
  add(session_.spec.qers, limits_.qers_per_session, std::move(*made), request);
}

void SessionEdit::update_pdr(const Ie& group, GroupReader& request) {
  if (request.failed()) return;
  Pdr* pdr = named_rule(group, session_.spec.pdrs, request);
  if (pdr == nullptr) return;
  auto next = read_update_pdr(group, *pdr, pdr_context());
  if (!next) return request.refuse(std::move(next.error()));
  // A PDR created by the same request may lose the F-TEID that was chosen for it.
  if (next->f_teid != pdr->f_teid) chosen_.erase(pdr->id);
  *pdr = *std::move(next);
}

void SessionEdit::update_far(const Ie& group, GroupReader& request) {
  if (request.failed()) return;
  Far* far = named_rule(group, session_.spec.fars, request);
  if (far == nullptr) return;
  auto next = read_update_far(group, {*far, session_.forwarding_known.contains(far->id)});
  if (!next) return request.refuse(std::move(next.error()));
  if (next->forwarding_known) session_.forwarding_known.insert(far->id);
  if (next->end_marker && far->outer_header && !far->outer_header->udp_port) {
    end_markers_.push_back(*far);
  }
  if (next->decided) decided_.insert(far->id);
  *far = std::move(next->far);
}

void SessionEdit::update_qer(const Ie& group, GroupReader& request) {
  if (request.failed()) return;
  Qer* qer = named_rule(group, session_.spec.qers, request);
  if (qer == nullptr) return;
  const auto next = read_update_qer(group, *qer);
  if (!next) return request.refuse(next.error());
  *qer = *next;
}

void SessionEdit::create_bar(const Ie& group, GroupReader& request) {
  if (request.failed()) return;
  auto made = read_create_bar(group);
  if (!made) return request.refuse(std::move(made.error()));
  add(session_.spec.bars, limits_.bars_per_session, std::move(*made), request);
}

void SessionEdit::update_bar(const Ie& group, GroupReader& request) {
  if (request.failed()) return;
  Bar* bar = named_rule(group, session_.spec.bars, request);
  if (bar == nullptr) return;
  auto next = read_update_bar(group, *bar);
  if (!next) return request.refuse(next.error());
  *bar = *next;
}

void SessionEdit::create_urr(const Ie& group, GroupReader& request) {
  if (request.failed()) return;
  auto made = read_create_urr(group);
  if (!made) return request.refuse(std::move(made.error()));
  if (removed_urrs_.contains(made->id)) replaced_.insert(made->id);
  add(session_.spec.urrs, limits_.urrs_per_session, std::move(*made), request);
}

void SessionEdit::update_urr(const Ie& group, GroupReader& request) {
  if (request.failed()) return;
  Urr* urr = named_rule(group, session_.spec.urrs, request);
  if (urr == nullptr) return;
  auto next = read_update_urr(group, *urr);
  if (!next) return request.refuse(next.error());
  if (const Granted granted = granted_by(group); granted.any()) granted_[urr->id] = granted;
  *urr = *std::move(next);
}

void SessionEdit::check_references(GroupReader& request) const {
  const SessionSpec& spec = session_.spec;
  for (const auto& [id, far] : spec.fars) {
    if (far.bar && !spec.bars.contains(*far.bar)) {
      return request.refuse(rule_failure(Cause::kRuleCreationOrModificationFailure, IeType::kBarId,
                                         id, fmt::format("there is no BAR {}", far.bar->value())));
    }
  }
  for (const auto& [id, urr] : spec.urrs) {
    if (urr.quota_far && !spec.fars.contains(*urr.quota_far)) {
      return request.refuse(
          rule_failure(Cause::kRuleCreationOrModificationFailure, IeType::kFarId, id,
                       fmt::format("there is no FAR {}", urr.quota_far->value())));
    }
  }
  for (const auto& [id, pdr] : spec.pdrs) {
    if (!spec.fars.contains(pdr.far)) {
      return request.refuse(rule_failure(Cause::kRuleCreationOrModificationFailure, IeType::kFarId,
                                         id, fmt::format("there is no FAR {}", pdr.far.value())));
    }
    const auto missing =
        std::ranges::find_if(pdr.qers, [&spec](QerId qer) { return !spec.qers.contains(qer); });
    if (missing != pdr.qers.end()) {
      return request.refuse(rule_failure(Cause::kRuleCreationOrModificationFailure, IeType::kQerId,
                                         id, fmt::format("there is no QER {}", missing->value())));
    }
    const auto no_urr =
        std::ranges::find_if(pdr.urrs, [&spec](UrrId urr) { return !spec.urrs.contains(urr); });
    if (no_urr != pdr.urrs.end()) {
      return request.refuse(rule_failure(Cause::kRuleCreationOrModificationFailure, IeType::kUrrId,
                                         id, fmt::format("there is no URR {}", no_urr->value())));
    }
  }
}

std::set<Teid> SessionEdit::commit() {
  session_.teids.merge(tunnels_.keep());
  session_.allocated = addresses_.keep();
  std::set<Teid> unused = session_.teids;
  for (const auto& [id, pdr] : session_.spec.pdrs) {
    if (pdr.f_teid) unused.erase(pdr.f_teid->teid);
  }
  for (const auto& [id, endpoint] : session_.endpoints) {
    if (endpoint.f_teid) unused.erase(endpoint.f_teid->teid);
  }
  for (const Teid teid : unused) session_.teids.erase(teid);
  return unused;
}

}  // namespace sluice::upf::pfcp
