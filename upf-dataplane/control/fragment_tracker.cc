#include "upf-dataplane/control/fragment_tracker.h"

#include <utility>

#include "upf-dataplane/packet/fragment.h"

namespace sluice::upf {

FragmentTracker::FragmentTracker(const FragmentLimits& limits, const Clock& clock,
                                 WorkerCounters& counters, Deliver deliver)
    : limits_(limits), clock_(clock), counters_(counters), deliver_(std::move(deliver)) {}

void FragmentTracker::add(uint32_t slot, PortIndex port, std::span<const uint8_t> frame,
                          uint16_t inner_offset) {
  const auto packet = frame.subspan(inner_offset);
  FlowKey parsed;
  InnerLayout layout;
  const bool whole = parse_inner(packet, {}, parsed, layout);
  const auto place = whole ? fragment_place(packet) : std::nullopt;
  if (!place) return count(DropReason::kMalformedInner, 1);
  const Key key{.slot = slot,
                .source = Ipv6Address::from_bytes(parsed.source),
                .destination = Ipv6Address::from_bytes(parsed.destination),
                .identification = place->identification,
                .protocol = place->protocol};
  Tracked& tracked = find_or_make(key);
  if (place->offset == 0 && !tracked.ports) {
    tracked.ports = FragmentPorts{parsed.has_ports(), parsed.source_port, parsed.destination_port};
  }
  if (!tracked.ports) {
    if (tracked.waiting.size() >= limits_.waiting || bytes_ + frame.size() > limits_.bytes) {
      return count(DropReason::kFragmentNoRoom, 1);
    }
    bytes_ += frame.size();
    tracked.waiting.push_back({port, {frame.begin(), frame.end()}});
    return;
  }
  const FragmentPorts ports = *tracked.ports;
  const auto waiting = std::exchange(tracked.waiting, {});
  deliver_(port, frame, ports);
  for (const Waiting& later : waiting) {
    bytes_ -= later.frame.size();
    deliver_(later.port, later.frame, ports);
  }
}

FragmentTracker::Tracked& FragmentTracker::find_or_make(const Key& key) {
  if (const auto found = packets_.find(key); found != packets_.end()) return found->second;
  const auto own = by_session_.find(key.slot);
  if (own != by_session_.end() && own->second.size() >= limits_.packets_per_session) {
    forget(Key(own->second.begin()->second), DropReason::kFragmentNoRoom);
  } else if (packets_.size() >= limits_.packets) {
    forget(Key(by_age_.begin()->second), DropReason::kFragmentNoRoom);
  }
  Tracked& made = packets_[key];
  made.order = ++last_order_;
  made.expires = clock_.now() + limits_.lifetime;
  by_age_.emplace(made.order, key);
  by_session_[key.slot].emplace(made.order, key);
  return made;
}

void FragmentTracker::forget(const Key& key, DropReason reason) {
  const auto found = packets_.find(key);
  const Tracked& tracked = found->second;
  count(reason, tracked.waiting.size());
  for (const Waiting& waiting : tracked.waiting) bytes_ -= waiting.frame.size();
  by_age_.erase(tracked.order);
  const auto own = by_session_.find(key.slot);
  own->second.erase(tracked.order);
  if (own->second.empty()) by_session_.erase(own);
  packets_.erase(found);
}

void FragmentTracker::expire() {
  while (!by_age_.empty()) {
    const Key oldest = by_age_.begin()->second;
    if (packets_.at(oldest).expires > clock_.now()) return;
    forget(oldest, DropReason::kFragmentIncomplete);
  }
}

}  // namespace sluice::upf
