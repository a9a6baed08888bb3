// Conflict analysis: which active rules take packets from which others.
#pragma once

#include <span>
#include <vector>

#include "traffic-rules/match.h"

namespace sluice::traffic_rules {

// Partial overlaps reported for one rule; there may be as many as there are rules.
inline constexpr size_t kMaxReportedOverlaps = 16;

// How one rule of a set fares against those that precede it. Rules are named by their index.
struct RuleConflicts {
  // Rules that together catch every packet of this one, which therefore never decides anything.
  // Empty: not hidden. Each match box of the rule lies within a box of one of these; a box that is
  // covered only by several boxes piecewise is not recognised, so "hidden" is always true and
  // "not hidden" means that nobody could prove it.
  std::vector<size_t> hidden_by;
  // Rules that catch some of this one's packets, in order of precedence; at most
  // kMaxReportedOverlaps, more exist when `more_overlaps`. Empty when hidden.
  std::vector<size_t> yields_to;
  bool more_overlaps = false;
};

// Whether every packet that `inner` matches is matched by `outer`.
bool covers(const MatchBox& outer, const MatchBox& inner);
// Whether some packet could match both.
bool meets(const MatchBox& a, const MatchBox& b);

// Element i is about rules[i]. Rules are active ones, in any order. For N boxes whose prefixes have
// T different pairs of lengths it takes about N × T look-ups: two boxes can meet only when they
// agree on the shorter prefix of each pair, so the candidates of a box are found by hashing.
// 10,000 rules take some 60 ms; if all are about one address and differ only in port ranges, the
// candidates are compared pair by pair, on eight bytes each.
std::vector<RuleConflicts> find_conflicts(std::span<const CompiledRule> rules);

}  // namespace sluice::traffic_rules
