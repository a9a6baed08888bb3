// Create QER (TS 29.244 §7.5.2.5) and Update QER (§7.5.4.5): gates and the QFI. Rates are refused,
// because a rate that is accepted and not enforced is worse than none.
#include "upf-dataplane/pfcp/group_reader.h"
#include "upf-dataplane/pfcp/rule_reader.h"

namespace sluice::upf::pfcp {
namespace {

void set_gates(Qer& qer, const GateStatus& gates) {
  qer.uplink_open = gates.uplink_open;
  qer.downlink_open = gates.downlink_open;
}

}  // namespace

ReadRule<Qer> read_create_qer(const Ie& group) {
  GroupReader in(group.children);
  Qer qer;
  qer.id = in.required<QerId>();
  if (!in.failed()) in.names_rule(RuleType::kQer, qer.id.value());
  set_gates(qer, in.required<GateStatus>());
  qer.qfi = in.optional<Qfi>();
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  return qer;
}

ReadRule<Qer> read_update_qer(const Ie& group, const Qer& current) {
  GroupReader in(group.children);
  Qer qer = current;
  in.required<QerId>();
  in.names_rule(RuleType::kQer, qer.id.value());
  if (const auto gates = in.optional<GateStatus>()) set_gates(qer, *gates);
  if (const auto qfi = in.optional<Qfi>()) qer.qfi = qfi;
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  return qer;
}

}  // namespace sluice::upf::pfcp
