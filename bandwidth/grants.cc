#include "bandwidth/grants.h"

namespace sluice::bandwidth {
namespace {

mp2::GuaranteeEntry entry_of(const std::string& id, const Allocation& allocation) {
  return {id,
          allocation.order,
          allocation.uplink_bps(),
          allocation.downlink_bps(),
          allocation.app_instance_id,
          allocation.sessions};
}

}  // namespace

std::vector<mp2::GuaranteeEntry> Grants::all(const store::Snapshot& state) const {
  std::vector<mp2::GuaranteeEntry> out;
  for (const auto& [id, stored] : state.of(records_.allocations)) {
    out.push_back(entry_of(id, stored.value));
  }
  return out;
}

Grants::Difference Grants::difference(const store::Snapshot& from,
                                      const store::Snapshot& to) const {
  Difference out;
  store::for_each_difference(from, to, records_.allocations,
                             [&](const std::string& id, const auto* /*before*/, const auto* now) {
                               if (now == nullptr) {
                                 out.removed.push_back(id);
                               } else {
                                 out.upserted.push_back(entry_of(id, now->value));
                               }
                             });
  return out;
}

}  // namespace sluice::bandwidth
