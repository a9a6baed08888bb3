#include "upf-dataplane/packet/frame_filter.h"

#include "upf-dataplane/packet/ethernet.h"
#include "upf-dataplane/packet/flow_key.h"
#include "upf-dataplane/packet/gtpu.h"

namespace sluice::upf {
namespace {

constexpr size_t kL3 = sizeof(EthernetHeader);

bool has_address(const IpPrefix& prefix, const FlowKey& key) {
  return prefix.contains(IpAddress(Ipv6Address::from_bytes(key.source))) ||
         prefix.contains(IpAddress(Ipv6Address::from_bytes(key.destination)));
}

bool has_port(uint16_t port, const FlowKey& key) {
  return key.has_ports() && (key.source_port == port || key.destination_port == port);
}

}  // namespace

bool FrameFilter::matches(PortIndex port, bool is_received, std::span<const uint8_t> frame) const {
  if ((ports >> port & 1) == 0 || !(is_received ? received : sent)) return false;
  if (!wants_headers()) return true;
  if (frame.size() < kL3) return false;
  FlowKey outer;
  FlowKey inner;
  InnerLayout layout;
  if (!parse_inner(frame.subspan(kL3), {}, outer, layout)) return false;
  std::optional<uint32_t> tunnel;
  bool has_inner = false;
  if (outer.protocol == kProtoUdp && outer.has_ports() && outer.destination_port == kGtpuPort) {
    const size_t message = kL3 + layout.l4_offset + sizeof(UdpHeader);
    const auto view = message <= frame.size() ? parse_gtpu(frame.subspan(message)) : std::nullopt;
    if (view) tunnel = view->teid;
    if (view && view->type == kGtpuGpdu) {
      has_inner = parse_inner(frame.subspan(message + view->header_bytes, view->payload_bytes), {},
                              inner, layout);
    }
  }
  if (teid && tunnel != teid) return false;
  if (address && !has_address(*address, outer) && !(has_inner && has_address(*address, inner))) {
    return false;
  }
  if (protocol && outer.protocol != *protocol && !(has_inner && inner.protocol == *protocol)) {
    return false;
  }
  return !l4_port || has_port(*l4_port, outer) || (has_inner && has_port(*l4_port, inner));
}

}  // namespace sluice::upf
