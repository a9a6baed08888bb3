// Reckoning with counts and limits of usage.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "upf-dataplane/session/model.h"
#include "upf-dataplane/session/usage_meter.h"

namespace sluice::upf::pfcp {

inline UsageTotals operator-(const UsageTotals& a, const UsageTotals& b) {
  return {.uplink_bytes = a.uplink_bytes - b.uplink_bytes,
          .downlink_bytes = a.downlink_bytes - b.downlink_bytes,
          .uplink_packets = a.uplink_packets - b.uplink_packets,
          .downlink_packets = a.downlink_packets - b.downlink_packets};
}
inline UsageTotals operator+(const UsageTotals& a, const UsageTotals& b) {
  return {.uplink_bytes = a.uplink_bytes + b.uplink_bytes,
          .downlink_bytes = a.downlink_bytes + b.downlink_bytes,
          .uplink_packets = a.uplink_packets + b.uplink_packets,
          .downlink_packets = a.downlink_packets + b.downlink_packets};
}

inline bool is_empty(const Volumes& v) { return !v.total && !v.uplink && !v.downlink; }

inline bool reached(const Volumes& limit, const UsageTotals& used) {
  return (limit.total && used.bytes() >= *limit.total) ||
         (limit.uplink && used.uplink_bytes >= *limit.uplink) ||
         (limit.downlink && used.downlink_bytes >= *limit.downlink);
}

// At most kNone, which is never reached.
inline uint64_t bounded_sum(uint64_t from, uint64_t more) {
  return more > UsageLimits::kNone - from ? UsageLimits::kNone : from + more;
}

// `limit` of what was used from `base` on, as values of the meter; `consumed` is used up already.
inline UsageLimits::Bytes absolute(const Volumes& limit, const UsageTotals& base,
                                   const UsageTotals& consumed) {
  const auto at = [](const std::optional<uint64_t>& value, uint64_t from, uint64_t done) {
    if (!value) return UsageLimits::kNone;
    return bounded_sum(from, *value > done ? *value - done : 0);
  };
  return {.total = at(limit.total, base.bytes(), consumed.bytes()),
          .uplink = at(limit.uplink, base.uplink_bytes, consumed.uplink_bytes),
          .downlink = at(limit.downlink, base.downlink_bytes, consumed.downlink_bytes)};
}

inline UsageLimits::Bytes earlier(const UsageLimits::Bytes& a, const UsageLimits::Bytes& b) {
  return {.total = std::min(a.total, b.total),
          .uplink = std::min(a.uplink, b.uplink),
          .downlink = std::min(a.downlink, b.downlink)};
}

}  // namespace sluice::upf::pfcp
