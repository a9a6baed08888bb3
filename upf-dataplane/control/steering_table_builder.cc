#include "upf-dataplane/control/steering_table_builder.h"

#include <algorithm>

namespace sluice::upf {

using traffic_rules::Action;

void SteeringTableBuilder::Boxes::add(const std::vector<traffic_rules::MatchBox>& boxes, Rank rank,
                                      uint16_t network) {
  for (const auto& box : boxes) {
    const bool names_tunnel =
        box.tunnel_src || box.tunnel_dst || box.tunnel_src_port || box.tunnel_dst_port;
    (names_tunnel ? tunnelled : plain).push_back({box, rank, network});
  }
}

void SteeringTableBuilder::add(const traffic_rules::CompiledRule& rule,
                               std::span<const SteeringDestination> to, uint32_t counter,
                               GuaranteeIndex guarantee) {
  const auto rank = static_cast<Rank>(table_->rules.size());
  SteeringRule out{.counter = counter, .guarantee = guarantee};
  if (to.empty()) {
    out.action =
        rule.action == Action::kDrop ? SteeringAction::kDrop : SteeringAction::kPassthrough;
  } else if (rule.action == Action::kForwardDecapsulated &&
             to.front().tunnel == TunnelKind::kNone) {
    out.action = SteeringAction::kForwardDecapsulated;
    out.next_hop = to.front().next_hop;
  } else {
    out.action = SteeringAction::kBranch;
    out.branch = static_cast<uint32_t>(table_->branches.size());
    SteeringBranch branch{.encapsulated = rule.action == Action::kForwardEncapsulated ||
                                          rule.action == Action::kDuplicateEncapsulated,
                          .duplicate = rule.action == Action::kDuplicateDecapsulated ||
                                       rule.action == Action::kDuplicateEncapsulated,
                          .count = static_cast<uint8_t>(to.size())};
    std::ranges::copy(to, branch.to.begin());
    table_->branches.push_back(branch);
    for (const auto& destination : to) {
      if (destination.tunnel != TunnelKind::kNone) table_->peers.add(destination);
    }
  }
  table_->rules.push_back(out);
  if (rule.scope.empty()) return add_boxes(rule, rank, 0);
  table_->has_scopes = true;
  networks_.each([&](uint16_t number, const traffic_rules::Network& network) {
    if (in_scope(rule.scope, network)) add_boxes(rule, rank, number);
  });
}

void SteeringTableBuilder::add_boxes(const traffic_rules::CompiledRule& rule, Rank rank,
                                     uint16_t network) {
  uplink_.add(rule.uplink, rank, network);
  downlink_.add(rule.downlink, rank, network);
}

GuaranteeIndex SteeringTableBuilder::add(SteeringGuarantee guarantee) {
  table_->guarantees.push_back(std::move(guarantee));
  return static_cast<GuaranteeIndex>(table_->guarantees.size() - 1);
}

void SteeringTableBuilder::add_flows(GuaranteeIndex guarantee,
                                     std::span<const traffic_rules::MatchBox> uplink,
                                     std::span<const traffic_rules::MatchBox> downlink) {
  for (const auto& box : uplink) guaranteed_uplink_.push_back({box, guarantee});
  for (const auto& box : downlink) guaranteed_downlink_.push_back({box, guarantee});
}

std::unique_ptr<SteeringTable> SteeringTableBuilder::finish(uint32_t epoch) {
  table_->epoch = epoch;
  table_->uplink = Classifier(uplink_.plain);
  table_->downlink = Classifier(downlink_.plain);
  table_->tunnelled_uplink = TunnelClassifier(uplink_.tunnelled);
  table_->tunnelled_downlink = TunnelClassifier(downlink_.tunnelled);
  table_->guaranteed_uplink = Classifier(guaranteed_uplink_);
  table_->guaranteed_downlink = Classifier(guaranteed_downlink_);
  return std::move(table_);
}

}  // namespace sluice::upf
