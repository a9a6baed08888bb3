#include "traffic-rules/overlap.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>

#include "traffic-rules/box_index.h"

namespace sluice::traffic_rules {
namespace {

template <typename T>
bool covers_value(const std::optional<T>& outer, const std::optional<T>& inner) {
  if (!outer) return true;
  if (!inner) return false;
  if constexpr (requires { outer->contains(*inner); }) {
    return outer->contains(*inner);
  } else {
    return *outer == *inner;
  }
}

template <typename T>
bool meets_value(const std::optional<T>& a, const std::optional<T>& b) {
  if (!a || !b) return true;
  if constexpr (requires { a->overlaps(*b); }) {
    return a->overlaps(*b);
  } else if constexpr (requires { a->contains(*b); }) {
    return a->contains(*b) || b->contains(*a);  // prefixes nest or are disjoint
  } else {
    return *a == *b;
  }
}

// What the whole analysis learns about one rule, before it is decided whether it is hidden.
struct Findings {
  std::set<size_t> coverers;  // ranks; one for each covered box
  std::set<size_t> met;       // ranks, kMaxReportedOverlaps + 1 at most
  bool all_covered = true;
};

// The rules of a set by rank.
struct Ranked {
  std::span<const CompiledRule> rules;
  const std::vector<size_t>& order;
  const std::vector<NetworkScope>& scope(size_t rank) const { return rules[order[rank]].scope; }
};

void examine_box(BoxIndex& index, const Ranked& ranked, size_t rank, const MatchBox& box,
                 Findings& findings) {
  std::optional<size_t> coverer;
  index.each_candidate(box, [&](const BoxIndex::Entry& other) {
    if (other.rank >= rank) return false;
    if (covers(*other.box, box) && covers(ranked.scope(other.rank), ranked.scope(rank))) {
      if (!coverer || other.rank < *coverer) coverer = other.rank;
      return false;  // the rest of this shape has lower precedence
    }
    const bool room = findings.met.size() <= kMaxReportedOverlaps;
    if (room && meets(*other.box, box) && meets(ranked.scope(other.rank), ranked.scope(rank))) {
      findings.met.insert(other.rank);
    }
    return true;
  });
  if (coverer) {
    findings.coverers.insert(*coverer);
  } else {
    findings.all_covered = false;
  }
}

RuleConflicts conclude(Findings findings, const std::vector<size_t>& by_rank) {
  RuleConflicts out;
  if (findings.all_covered) {
    for (const size_t rank : findings.coverers) out.hidden_by.push_back(by_rank[rank]);
    return out;
  }
  findings.met.merge(findings.coverers);
  for (const size_t rank : findings.met) {
    out.more_overlaps = out.yields_to.size() == kMaxReportedOverlaps;
    if (out.more_overlaps) break;
    out.yields_to.push_back(by_rank[rank]);
  }
  return out;
}

}  // namespace

bool covers(const MatchBox& outer, const MatchBox& inner) {
  // A port condition also excludes packets without ports, so that a condition of all ports is not
  // the same as none: covers_value sees to it.
  return (outer.family == IpFamily::kAny || outer.family == inner.family) &&
         covers_value(outer.src, inner.src) && covers_value(outer.dst, inner.dst) &&
         covers_value(outer.protocol, inner.protocol) &&
         covers_value(outer.src_port, inner.src_port) &&
         covers_value(outer.dst_port, inner.dst_port) && covers_value(outer.qfi, inner.qfi) &&
         covers_value(outer.dscp, inner.dscp) && covers_value(outer.tc, inner.tc) &&
         covers_value(outer.tunnel_src, inner.tunnel_src) &&
         covers_value(outer.tunnel_dst, inner.tunnel_dst) &&
         covers_value(outer.tunnel_src_port, inner.tunnel_src_port) &&
         covers_value(outer.tunnel_dst_port, inner.tunnel_dst_port);
}

bool meets(const MatchBox& a, const MatchBox& b) {
  const bool families =
      a.family == IpFamily::kAny || b.family == IpFamily::kAny || a.family == b.family;
  return families && meets_value(a.src, b.src) && meets_value(a.dst, b.dst) &&
         meets_value(a.protocol, b.protocol) && meets_value(a.src_port, b.src_port) &&
         meets_value(a.dst_port, b.dst_port) && meets_value(a.qfi, b.qfi) &&
         meets_value(a.dscp, b.dscp) && meets_value(a.tc, b.tc) &&
         meets_value(a.tunnel_src, b.tunnel_src) && meets_value(a.tunnel_dst, b.tunnel_dst) &&
         meets_value(a.tunnel_src_port, b.tunnel_src_port) &&
         meets_value(a.tunnel_dst_port, b.tunnel_dst_port);
}

std::vector<RuleConflicts> find_conflicts(std::span<const CompiledRule> rules) {
  std::vector<size_t> by_rank(rules.size());
  std::iota(by_rank.begin(), by_rank.end(), size_t{0});
  std::sort(by_rank.begin(), by_rank.end(),
            [&](size_t a, size_t b) { return precedes(rules[a], rules[b]); });

  std::vector<Findings> findings(rules.size());  // by rank
  for (const auto direction : {Direction::kUplink, Direction::kDownlink}) {
    BoxIndex index;
    for (size_t rank = 0; rank < by_rank.size(); ++rank) {
      for (const auto& box : rules[by_rank[rank]].boxes(direction)) index.add(rank, box);
    }
    for (size_t rank = 0; rank < by_rank.size(); ++rank) {
      for (const auto& box : rules[by_rank[rank]].boxes(direction)) {
        examine_box(index, {rules, by_rank}, rank, box, findings[rank]);
      }
    }
  }

  std::vector<RuleConflicts> out(rules.size());
  for (size_t rank = 0; rank < by_rank.size(); ++rank) {
    out[by_rank[rank]] = conclude(std::move(findings[rank]), by_rank);
  }
  return out;
}

}  // namespace sluice::traffic_rules
