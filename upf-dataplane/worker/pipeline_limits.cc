// What an SMF limits and counts: rates, packets in a stretch of time, quotas and what a URR wants
// done when they are used up, and what a UE does not get.
#include <algorithm>

#include "upf-dataplane/worker/pipeline.h"

namespace sluice::upf {

void Pipeline::count_usage(const Work& work, const CompiledPdr& pdr, bool before_qos,
                           bool over_quota) {
  const bool uplink = work.key.direction() == Direction::kUplink;
  for (UsageMeter* meter : work.session->usage(pdr)) {
    if (meter->before_qos() != before_qos || (over_quota && !meter->permits()) ||
        !meter->count(work.layout.total_bytes, uplink, now_, shared_.writers > 1)) {
      continue;
    }
    tell(work, meter);
  }
}

void Pipeline::tell(const Work& work, UsageMeter* meter) {
  if (event_count_ < events_.size()) {
    events_[event_count_++] = {work.session->slot(), meter};
  } else {
    meter->not_told();
  }
}

bool Pipeline::take_rates(const Work& work, const CompiledPdr& pdr) {
  const auto meters = work.session->meters(pdr);
  const bool is_shared = shared_.writers > 1;
  for (size_t i = 0; i < meters.size(); ++i) {
    if (meters[i]->take(work.layout.total_bytes, now_, is_shared)) continue;
    // A packet that one rate refuses is no burden to the others.
    while (i > 0) meters[--i]->give_back(work.layout.total_bytes, is_shared);
    return false;
  }
  return true;
}

bool Pipeline::admit(Work& work, const CompiledPdr& pdr) {
  bool is_over = (pdr.special & CompiledPdr::kSubstitute) != 0;
  if (!is_over) {
    for (UsageMeter* meter : work.session->usage(pdr)) {
      if (meter->permits()) continue;
      if (!over_quota(work, pdr)) return false;
      is_over = true;
      break;
    }
  }
  if (dry_) return true;
  count_usage(work, pdr, true, is_over);
  if (!take_rates(work, pdr) || (pdr.extras != 0 && !take_packets(work, pdr))) {
    drop(*work.packet, DropReason::kRateExceeded);
    return false;
  }
  count_usage(work, pdr, false, is_over);
  work.packet->guaranteed = is_guaranteed(work, pdr);
  return true;
}

bool Pipeline::is_guaranteed(const Work& work, const CompiledPdr& pdr) const {
  return std::ranges::any_of(work.session->guarantees(pdr), [&](Meter* meter) {
    return meter->take(work.layout.total_bytes, now_, shared_.writers > 1);
  });
}

// The strictest decides: where any of the URRs whose quota is used up has no FAR for that, or one
// that leads elsewhere than this direction, nothing passes. Of several FARs the first URR's is
// applied.
bool Pipeline::over_quota(Work& work, const CompiledPdr& pdr) {
  const auto meters = work.session->usage(pdr);
  const QuotaAction* action = nullptr;
  bool is_final = pdr.extras == 0 || work.session->extras(pdr).quota_actions.empty();
  for (size_t i = 0; i < meters.size(); ++i) {
    if (meters[i]->permits()) continue;
    if (!dry_ && meters[i]->refused()) tell(work, meters[i]);
    if (is_final) continue;
    const QuotaAction& of_urr = work.session->extras(pdr).quota_actions[i];
    const bool is_reply = of_urr.lets_replies_pass && (work.key.bits & FlowKey::kRedirected) != 0;
    is_final = !of_urr.instead && !is_reply;
    if (action == nullptr || is_final) action = &of_urr;
  }
  if (!is_final && action == nullptr) return true;  // granted anew this very moment
  if (is_final) {
    drop(*work.packet, DropReason::kQuotaExhausted);
    return false;
  }
  if (!action->instead) return true;
  if (work.key.direction() == Direction::kUplink) {
    act_uplink(work, *action->instead);
  } else {
    act_downlink(work, *action->instead);
  }
  return false;
}

bool Pipeline::take_packets(const Work& work, const CompiledPdr& pdr) {
  for (PacketLimit* limit : work.session->extras(pdr).packet_limits) {
    if (!limit->take(now_, shared_.writers > 1)) return false;
  }
  return true;
}

void Pipeline::count_dropped(const Work& work, const CompiledPdr& pdr) {
  if (dry_ || work.key.direction() == Direction::kUplink) return;
  for (UsageMeter* meter : work.session->usage(pdr)) {
    if (meter->count_dropped(work.layout.total_bytes)) tell(work, meter);
  }
}

}  // namespace sluice::upf
