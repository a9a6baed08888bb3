#include "upf-dataplane/steer/box_key.h"

#include "upf-dataplane/packet/address_mask.h"

namespace sluice::upf {
namespace {

using traffic_rules::IpFamily;

bool is_exact(const std::optional<traffic_rules::PortRange>& range) {
  return range && range->low == range->high;
}

}  // namespace

BoxKey::BoxKey(const traffic_rules::MatchBox& box, uint16_t network)
    : source(box.src_port.value_or(traffic_rules::PortRange{})),
      destination(box.dst_port.value_or(traffic_rules::PortRange{})) {
  if (network != 0) {
    mask.session_version = ~uint32_t{0};
    value.session_version = network;
  }
  if (box.family != IpFamily::kAny) {
    require_bits(FlowKey::kIsV6, box.family == IpFamily::kV6 ? FlowKey::kIsV6 : 0);
  }
  if (box.src) set_address_mask(*box.src, value.source, mask.source);
  if (box.dst) set_address_mask(*box.dst, value.destination, mask.destination);
  if (box.src_port || box.dst_port) require_bits(FlowKey::kHasPorts, FlowKey::kHasPorts);
  if (is_exact(box.src_port)) {
    mask.source_port = 0xffff;
    value.source_port = source.low;
  }
  if (is_exact(box.dst_port)) {
    mask.destination_port = 0xffff;
    value.destination_port = destination.low;
  }
  if (box.protocol) {
    mask.protocol = 0xff;
    value.protocol = *box.protocol;
  }
  if (box.qfi) {
    require_bits(FlowKey::kHasQfi, FlowKey::kHasQfi);
    mask.qfi = 0xff;
    value.qfi = *box.qfi;
  }
  if (box.dscp) {
    mask.tos = 0xfc;
    value.tos = static_cast<uint8_t>(*box.dscp << 2);
  } else if (box.tc) {
    mask.tos = 0xff;
    value.tos = *box.tc;
  }
}

}  // namespace sluice::upf
