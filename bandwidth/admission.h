// Whether there is room for an allocation: what was granted is never more than there is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bandwidth/records.h"
#include "base/store/snapshot.h"

namespace sluice::bandwidth {

struct Capacity {
  // Of all allocations together, bits per second of users' IP packets; 0: nothing is given away.
  uint64_t uplink_bps = 0;
  uint64_t downlink_bps = 0;
  uint32_t percent_of_app = 100;  // of it, that one app instance may have
  size_t allocations = 1'000;     // of the site
  size_t allocations_of_app = 100;
};

// What is granted.
struct Granted {
  uint64_t uplink_bps = 0;
  uint64_t downlink_bps = 0;
  size_t allocations = 0;
};
// To everybody, or to one app instance.
Granted granted(const store::Snapshot& state, const Records& records,
                const std::string* app_instance_id = nullptr);

// Whether `wanted` may take its place in the store, or that of the allocation `id` if that exists.
// kResourceExhausted at a bound; what asks for no more than it has is never refused by the
// capacity, which may have been lowered. kPermissionDenied when another allocation has part of its
// sessions (§7.2.2: a session filter stands for one).
Result<void> admit(const store::Snapshot& state, const Records& records, const Capacity& capacity,
                   std::string_view id, const Allocation& wanted);

}  // namespace sluice::bandwidth
