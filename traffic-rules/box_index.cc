#include "traffic-rules/box_index.h"

#include <algorithm>

#include "traffic-rules/address_number.h"

namespace sluice::traffic_rules {
namespace {

uint8_t bits_of(const std::optional<IpPrefix>& prefix) {
  if (!prefix) return 0;
  return static_cast<uint8_t>(prefix->length() + (prefix->is_v4() ? 96 : 0));
}

bool is_single(const std::optional<PortRange>& ports) { return ports && ports->low == ports->high; }

uint64_t mixed(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e37'79b9'7f4a'7c15;
  return hash ^ hash >> 32;
}

uint64_t mixed(uint64_t hash, const std::optional<IpPrefix>& prefix, unsigned bits) {
  if (bits == 0) return hash;
  const auto n = number_of(prefix->address()) & ~low_ones(128 - bits);
  return mixed(mixed(hash, static_cast<uint64_t>(n >> 64)), static_cast<uint64_t>(n));
}

}  // namespace

BoxIndex::Shape BoxIndex::shape_of(const MatchBox& box) {
  return {bits_of(box.src), bits_of(box.dst), is_single(box.src_port), is_single(box.dst_port)};
}

BoxIndex::Shape BoxIndex::common(const Shape& a, const Shape& b) {
  return {std::min(a.src_bits, b.src_bits), std::min(a.dst_bits, b.dst_bits),
          a.src_port && b.src_port, a.dst_port && b.dst_port};
}

uint64_t BoxIndex::hash_of(const MatchBox& box, const Shape& shape) {
  uint64_t hash = mixed(mixed(0, box.src, shape.src_bits), box.dst, shape.dst_bits);
  if (shape.src_port) hash = mixed(hash, box.src_port->low);
  if (shape.dst_port) hash = mixed(hash, box.dst_port->low);
  return hash;
}

const BoxIndex::Table& BoxIndex::table_of(Group& group, const Shape& shape) {
  const auto [found, is_new] = group.tables.try_emplace(shape);
  if (is_new) {
    for (const auto& entry : group.entries) {
      found->second[hash_of(*entry.box, shape)].push_back(entry);
    }
  }
  return found->second;
}

void BoxIndex::add(size_t rank, const MatchBox& box) {
  auto& group = groups_[shape_of(box)];
  group.entries.push_back({&box, static_cast<uint32_t>(rank), box.src_port.value_or(PortRange{}),
                           box.dst_port.value_or(PortRange{})});
  group.tables.clear();
}

}  // namespace sluice::traffic_rules
