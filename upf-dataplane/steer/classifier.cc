#include "upf-dataplane/steer/classifier.h"

#include <algorithm>
#include <bit>
#include <cassert>

#include "upf-dataplane/packet/address_mask.h"
#include "upf-dataplane/packet/flow_hash.h"

namespace sluice::upf {
namespace {

using traffic_rules::IpFamily;
using traffic_rules::MatchBox;
using traffic_rules::PortRange;

bool is_exact(const std::optional<PortRange>& range) { return range && range->low == range->high; }

}  // namespace

struct Classifier::Pending {
  FlowKey mask{};
  FlowKey value{};
  PortRange source;
  PortRange destination;
  Rank rank = 0;

  explicit Pending(const Entry& entry) : rank(entry.rank) {
    const MatchBox& box = entry.box;
    assert(!box.tunnel_src && !box.tunnel_dst && !box.tunnel_src_port && !box.tunnel_dst_port);
    if (box.family != IpFamily::kAny) {
      require_bits(FlowKey::kIsV6, box.family == IpFamily::kV6 ? FlowKey::kIsV6 : 0);
    }
    if (box.src) set_address_mask(*box.src, value.source, mask.source);
    if (box.dst) set_address_mask(*box.dst, value.destination, mask.destination);
    if (box.src_port || box.dst_port) require_bits(FlowKey::kHasPorts, FlowKey::kHasPorts);
    source = box.src_port.value_or(PortRange{});
    destination = box.dst_port.value_or(PortRange{});
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

  void require_bits(uint8_t bits, uint8_t wanted) {
    mask.bits |= bits;
    value.bits |= wanted;
  }
};

Classifier::Classifier(std::span<const Entry> entries) {
  std::vector<Pending> pending(entries.begin(), entries.end());
  const auto by_tuple = [](const Pending& a, const Pending& b) {
    if (const int order = std::memcmp(&a.mask, &b.mask, sizeof(FlowKey)); order != 0) {
      return order < 0;
    }
    if (const int order = std::memcmp(&a.value, &b.value, sizeof(FlowKey)); order != 0) {
      return order < 0;
    }
    return a.rank < b.rank;
  };
  std::ranges::sort(pending, by_tuple);
  for (auto first = pending.begin(); first != pending.end();) {
    const auto last = std::find_if(first, pending.end(),
                                   [&](const Pending& p) { return !(p.mask == first->mask); });
    tuples_.push_back(build_tuple(first->mask, {first, last}));
    first = last;
  }
  std::ranges::sort(tuples_, {}, &Tuple::best);
}

Classifier::Tuple Classifier::build_tuple(const FlowKey& mask, std::span<Pending> members) {
  Tuple tuple{.mask = mask, .slots = {}, .boxes = {}};
  const auto slots = std::bit_ceil(members.size() * 2);
  tuple.slot_mask = static_cast<uint32_t>(slots - 1);
  tuple.slots.resize(slots);
  tuple.boxes.reserve(members.size());
  for (size_t i = 0; i < members.size();) {
    uint32_t at = hash(members[i].value) & tuple.slot_mask;
    while (tuple.slots[at].count != 0) at = (at + 1) & tuple.slot_mask;
    Slot& slot = tuple.slots[at];
    slot.key = members[i].value;
    slot.first = static_cast<uint32_t>(tuple.boxes.size());
    for (; i < members.size() && members[i].value == slot.key; ++i) {
      const Pending& p = members[i];
      tuple.boxes.push_back(
          {p.rank, p.source.low, p.source.high, p.destination.low, p.destination.high});
      tuple.best = std::min(tuple.best, p.rank);
      tuple.has_ranges |= mask.source_port == 0 && p.source != PortRange{};
      tuple.has_ranges |= mask.destination_port == 0 && p.destination != PortRange{};
      ++slot.count;
    }
  }
  return tuple;
}

Rank Classifier::find(const FlowKey& key) const {
  Rank best = kNoRank;
  for (const Tuple& tuple : tuples_) {
    if (tuple.best >= best) break;
    const FlowKey wanted = masked(key, tuple.mask);
    for (uint32_t at = hash(wanted) & tuple.slot_mask; tuple.slots[at].count != 0;
         at = (at + 1) & tuple.slot_mask) {
      const Slot& slot = tuple.slots[at];
      if (!equal(slot.key, wanted)) continue;
      const Box* box = &tuple.boxes[slot.first];
      const Box* const end = box + slot.count;
      if (tuple.has_ranges) {
        const auto inside = [&](const Box& b) {
          return b.source_low <= key.source_port && key.source_port <= b.source_high &&
                 b.destination_low <= key.destination_port &&
                 key.destination_port <= b.destination_high;
        };
        while (box != end && box->rank < best && !inside(*box)) ++box;
      }
      if (box != end) best = std::min(best, box->rank);
      break;
    }
  }
  return best;
}

}  // namespace sluice::upf
