#include "upf-dataplane/steer/tunnel_classifier.h"

#include <algorithm>
#include <bit>

#include "upf-dataplane/packet/flow_hash.h"
#include "upf-dataplane/steer/box_key.h"

namespace sluice::upf {
namespace {

// The conditions on the tunnel, as conditions on a packet of their own.
traffic_rules::MatchBox outer_box(const traffic_rules::MatchBox& box) {
  using traffic_rules::IpFamily;
  traffic_rules::MatchBox outer;
  if (const auto& address = box.tunnel_src ? box.tunnel_src : box.tunnel_dst) {
    outer.family = address->is_v4() ? IpFamily::kV4 : IpFamily::kV6;
  }
  outer.src = box.tunnel_src;
  outer.dst = box.tunnel_dst;
  outer.src_port = box.tunnel_src_port;
  outer.dst_port = box.tunnel_dst_port;
  return outer;
}

uint32_t hash(const FlowKey& inner, const FlowKey& outer) {
  return hash(inner) ^ std::rotl(hash(outer), 15);
}

}  // namespace

FlowKey tunnel_key(const uint8_t* source, const uint8_t* destination, uint16_t source_port,
                   uint16_t destination_port) {
  FlowKey key;
  std::memset(static_cast<void*>(&key), 0, sizeof key);
  std::memcpy(key.source, source, 16);
  std::memcpy(key.destination, destination, 16);
  key.source_port = source_port;
  key.destination_port = destination_port;
  constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  key.bits = FlowKey::kHasPorts;
  if (std::memcmp(source, kMapped, sizeof kMapped) != 0) key.bits |= FlowKey::kIsV6;
  return key;
}

struct TunnelClassifier::Pending {
  BoxKey inner;
  BoxKey outer;
  Rank rank;

  explicit Pending(const Classifier::Entry& entry)
      : inner(entry.box, entry.network), outer(outer_box(entry.box)), rank(entry.rank) {}

  bool same_masks(const Pending& other) const {
    return inner.mask == other.inner.mask && outer.mask == other.outer.mask;
  }
  bool same_values(const Pending& other) const {
    return inner.value == other.inner.value && outer.value == other.outer.value;
  }
  bool operator<(const Pending& other) const {
    // By the masks of both first: they make a tuple.
    if (!same_masks(other)) {
      const int order = std::memcmp(&inner.mask, &other.inner.mask, sizeof(FlowKey));
      return order != 0 ? order < 0
                        : std::memcmp(&outer.mask, &other.outer.mask, sizeof(FlowKey)) < 0;
    }
    if (const int order = compare(inner, other.inner); order != 0) return order < 0;
    if (const int order = compare(outer, other.outer); order != 0) return order < 0;
    return rank < other.rank;
  }
};

TunnelClassifier::TunnelClassifier(std::span<const Classifier::Entry> entries) {
  std::vector<Pending> pending(entries.begin(), entries.end());
  std::ranges::sort(pending, [](const Pending& a, const Pending& b) { return a < b; });
  for (auto first = pending.begin(); first != pending.end();) {
    const auto last =
        std::find_if(first, pending.end(), [&](const Pending& p) { return !p.same_masks(*first); });
    tuples_.push_back(build_tuple({first, last}));
    first = last;
  }
  std::ranges::sort(tuples_, {}, &Tuple::best);
}

TunnelClassifier::Tuple TunnelClassifier::build_tuple(std::span<const Pending> members) {
  Tuple tuple{.inner_mask = members.front().inner.mask,
              .outer_mask = members.front().outer.mask,
              .slots = {},
              .boxes = {}};
  const auto slots = std::bit_ceil(members.size() * 2);
  tuple.slot_mask = static_cast<uint32_t>(slots - 1);
  tuple.slots.resize(slots);
  tuple.boxes.reserve(members.size());
  const auto ports = [](const BoxKey& key) {
    return Ports{key.source.low, key.source.high, key.destination.low, key.destination.high};
  };
  for (size_t i = 0; i < members.size();) {
    const Pending& head = members[i];
    uint32_t at = hash(head.inner.value, head.outer.value) & tuple.slot_mask;
    while (tuple.slots[at].count != 0) at = (at + 1) & tuple.slot_mask;
    Slot& slot = tuple.slots[at];
    slot.inner = head.inner.value;
    slot.outer = head.outer.value;
    slot.first = static_cast<uint32_t>(tuple.boxes.size());
    for (; i < members.size() && members[i].same_values(head); ++i) {
      const Pending& p = members[i];
      tuple.boxes.push_back({p.rank, ports(p.inner), ports(p.outer)});
      tuple.best = std::min(tuple.best, p.rank);
      ++slot.count;
    }
  }
  return tuple;
}

Rank TunnelClassifier::find(const FlowKey& inner, const FlowKey& outer, Rank best) const {
  for (const Tuple& tuple : tuples_) {
    if (tuple.best >= best) break;
    const FlowKey in = masked(inner, tuple.inner_mask);
    const FlowKey out = masked(outer, tuple.outer_mask);
    for (uint32_t at = hash(in, out) & tuple.slot_mask; tuple.slots[at].count != 0;
         at = (at + 1) & tuple.slot_mask) {
      const Slot& slot = tuple.slots[at];
      if (!equal(slot.inner, in) || !equal(slot.outer, out)) continue;
      const Box* box = &tuple.boxes[slot.first];
      const Box* const end = box + slot.count;
      while (box != end && box->rank < best &&
             !(box->inner.contain(inner) && box->outer.contain(outer))) {
        ++box;
      }
      if (box != end) best = std::min(best, box->rank);
      break;
    }
  }
  return best;
}

}  // namespace sluice::upf
