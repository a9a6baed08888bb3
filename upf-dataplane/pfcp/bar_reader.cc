// Create BAR (TS 29.244 §7.5.2.6) and Update BAR (§7.5.4.11, §7.5.9.2).
#include "upf-dataplane/pfcp/group_reader.h"
#include "upf-dataplane/pfcp/rule_reader.h"

namespace sluice::upf::pfcp {
namespace {

void read_optional_elements(GroupReader& in, Bar& bar) {
  if (const auto delay = in.optional<DownlinkDataNotificationDelay>()) {
    bar.notification_delay = delay->time;
  }
  if (const auto count = in.optional<SuggestedBufferingPacketsCount>()) {
    bar.suggested_packets = count->packets;
  }
}

}  // namespace

ReadRule<Bar> read_create_bar(const Ie& group) {
  GroupReader in(group.children);
  Bar bar;
  bar.id = in.required<BarId>();
  if (!in.failed()) in.names_rule(RuleType::kBar, bar.id.value());
  read_optional_elements(in, bar);
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  return bar;
}

ReadRule<Bar> read_update_bar(const Ie& group, const Bar& current) {
  GroupReader in(group.children);
  Bar bar = current;
  in.required<BarId>();
  in.names_rule(RuleType::kBar, bar.id.value());
  read_optional_elements(in, bar);
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  return bar;
}

}  // namespace sluice::upf::pfcp
