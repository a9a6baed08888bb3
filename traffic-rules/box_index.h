// Finds the boxes that may meet a given box without looking at all of them.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "traffic-rules/match.h"

namespace sluice::traffic_rules {

// Boxes are grouped by shape: the lengths of their prefixes and whether their ports are single
// values. Two boxes meet only if they agree on what both shapes fix, so that for every pair of
// shapes one hash over just those bits leads to the candidates. Hashes of a pair are built when it
// is first asked for.
class BoxIndex {
 public:
  struct Entry {
    const MatchBox* box;
    uint32_t rank;       // of the rule in precedence order
    PortRange src_port;  // copies: most candidates of a busy address fall by their ports
    PortRange dst_port;
  };

  // In ascending order of rank. The box must outlive the index.
  void add(size_t rank, const MatchBox& box);

  // Calls visit(entry) for a superset of the boxes that meet `box`, by shape in ascending rank;
  // visit returns false to be spared the rest of this shape.
  template <typename Visit>
  void each_candidate(const MatchBox& box, Visit visit) {
    const Shape asked = shape_of(box);
    const auto src_port = box.src_port.value_or(PortRange{});
    const auto dst_port = box.dst_port.value_or(PortRange{});
    for (auto& [shape, group] : groups_) {
      const auto& table = table_of(group, common(shape, asked));
      const auto found = table.find(hash_of(box, common(shape, asked)));
      if (found == table.end()) continue;
      for (const auto& entry : found->second) {
        if (!entry.src_port.overlaps(src_port) || !entry.dst_port.overlaps(dst_port)) continue;
        if (!visit(entry)) break;
      }
    }
  }

 private:
  struct Shape {
    uint8_t src_bits;  // 0..128, IPv4 counted in the mapped form
    uint8_t dst_bits;
    bool src_port;  // a single port
    bool dst_port;
    auto operator<=>(const Shape&) const = default;
  };
  using Table = std::unordered_map<uint64_t, std::vector<Entry>>;
  struct Group {
    std::vector<Entry> entries;
    std::map<Shape, Table> tables;  // by the common shape that is hashed
  };

  static Shape shape_of(const MatchBox& box);
  static Shape common(const Shape& a, const Shape& b);
  static uint64_t hash_of(const MatchBox& box, const Shape& shape);
  static const Table& table_of(Group& group, const Shape& shape);

  std::map<Shape, Group> groups_;
};

}  // namespace sluice::traffic_rules
