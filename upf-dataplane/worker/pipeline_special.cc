// What few packets need: fragments, packets that are cut, and explanations.
#include "upf-dataplane/worker/pipeline.h"

namespace sluice::upf {

void Pipeline::process_fragment(Packet& packet, uint64_t now, const Session* session,
                                const FragmentPorts& ports) {
  ports_ = &ports;
  process({&packet, 1}, now, session);
  ports_ = nullptr;
}

// A fragment whose ports are known is decided by them; where ports decide nothing, or it was
// buffered without, it is decided as it is. Otherwise the control thread looks for its ports.
bool Pipeline::take_fragment(Work& work) {
  if (ports_ != nullptr) {
    work.key.source_port = ports_->source;
    work.key.destination_port = ports_->destination;
    if (ports_->has_ports) work.key.bits |= FlowKey::kHasPorts;
    return true;
  }
  const bool rules_want_ports =
      steering_->uplink.wants_ports() || steering_->downlink.wants_ports() ||
      !steering_->tunnelled_uplink.empty() || !steering_->tunnelled_downlink.empty();
  if (dry_ || only_ != nullptr || (!work.session->wants_ports() && !rules_want_ports)) return true;
  work.packet->except_for(Exception::kInnerFragment, work.inner_offset, work.session->slot());
  return false;
}

// An IPv4 packet that does not forbid it. It is what the packet in hand ends with.
bool Pipeline::may_cut(const Work& work) const {
  constexpr uint16_t kDontFragment = 0x4000;
  if (work.key.is_v6()) return false;
  const Packet& packet = *work.packet;
  const auto* ip =
      reinterpret_cast<const Ipv4Header*>(packet.data + packet.length - work.layout.total_bytes);
  return (ip->flags_fragment & kDontFragment) == 0;
}

std::optional<Pipeline::Decision> Pipeline::explain(Packet& packet, uint64_t now) {
  dry_ = true;
  process({&packet, 1}, now, nullptr);
  dry_ = false;
  if (works_ == 0) return std::nullopt;
  const Work& work = work_[0];
  Decision decision{.key = work.key,
                    .session = work.session,
                    .pdr = nullptr,
                    .rules = steering_,
                    .rule = work.rule};
  if (work.pdr == kNoPdr) return decision;
  decision.pdr = decision.key.direction() == Direction::kUplink
                     ? &work.session->uplink_pdr(work.pdr)
                     : &work.session->downlink_pdr(work.pdr);
  decision.rate_limited = (decision.pdr->special & CompiledPdr::kHasMeters) != 0;
  return decision;
}

}  // namespace sluice::upf
