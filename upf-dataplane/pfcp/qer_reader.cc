// Create QER (TS 29.244 §7.5.2.5) and Update QER (§7.5.4.5): gates, rates and what the tunnel tells
// the access network. Exception reports are refused, because a limit that is accepted and not
// enforced is worse than none.
#include <fmt/format.h>

#include "upf-dataplane/pfcp/group_reader.h"
#include "upf-dataplane/pfcp/packet_rate_values.h"
#include "upf-dataplane/pfcp/rule_reader.h"

namespace sluice::upf::pfcp {
namespace {

void set_gates(Qer& qer, const GateStatus& gates) {
  qer.uplink_open = gates.uplink_open;
  qer.downlink_open = gates.downlink_open;
}

void check_rates(GroupReader& in, const Qer& qer) {
  if (!qer.gbr || !qer.mbr) return;
  if (qer.gbr->uplink_kbps > qer.mbr->uplink_kbps ||
      qer.gbr->downlink_kbps > qer.mbr->downlink_kbps) {
    in.refuse(Cause::kMandatoryIeIncorrect, IeType::kGbr, "guarantees more than the MBR allows");
  }
}

// Mobile originated exception data (MOED) and no DL notification (NORD) are refused.
void read_packet_rates(GroupReader& in, Qer& qer) {
  if (const auto rate = in.optional<PacketRateValue>()) qer.packet_rates = rate->rates;
  if (const auto status = in.optional<PacketRateStatus>()) qer.packets_left = status->left;
  const auto indications = in.optional<QerControlIndications>();
  if (!indications) return;
  constexpr uint8_t kKnown = QerControlIndications::kRateStatusReport;
  qer.reports_packets_left = (indications->flags & kKnown) != 0;
  if ((indications->flags & ~kKnown) != 0) {
    in.refuse(Cause::kServiceNotSupported, IeType::kQerControlIndications,
              "sets a flag that is not supported");
  }
}

// What is the same in both.
void read_optional_elements(GroupReader& in, Qer& qer) {
  if (const auto mbr = in.optional<Mbr>()) qer.mbr = mbr->rates;
  if (const auto gbr = in.optional<Gbr>()) qer.gbr = gbr->rates;
  if (const auto qfi = in.optional<Qfi>()) qer.qfi = qfi;
  if (const auto rqi = in.optional<Rqi>()) qer.reflective = rqi->reflective;
  if (const auto ppi = in.optional<PagingPolicyIndicator>()) qer.paging_policy = ppi->value;
  // A rate that holds over 15 ms (Meter) holds over any longer window.
  const auto window = in.optional<AveragingWindow>();
  if (window && window->length < std::chrono::milliseconds(15)) {
    in.refuse(Cause::kServiceNotSupported, IeType::kAveragingWindow,
              fmt::format("{} ms is less than the 15 ms that rates hold over here",
                          window->length.count()));
  }
  read_packet_rates(in, qer);
  check_rates(in, qer);
}

}  // namespace

ReadRule<Qer> read_create_qer(const Ie& group) {
  GroupReader in(group.children);
  Qer qer;
  qer.id = in.required<QerId>();
  if (!in.failed()) in.names_rule(RuleType::kQer, qer.id.value());
  set_gates(qer, in.required<GateStatus>());
  read_optional_elements(in, qer);
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  return qer;
}

ReadRule<Qer> read_update_qer(const Ie& group, const Qer& current) {
  GroupReader in(group.children);
  Qer qer = current;
  in.required<QerId>();
  in.names_rule(RuleType::kQer, qer.id.value());
  if (const auto gates = in.optional<GateStatus>()) set_gates(qer, *gates);
  read_optional_elements(in, qer);
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  return qer;
}

}  // namespace sluice::upf::pfcp
