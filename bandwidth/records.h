// What the bandwidth API keeps in the program's store.
#pragma once

#include "bandwidth/allocation.h"
#include "base/store/schema.h"

namespace sluice::bandwidth {

struct Records {
  store::Collection<Allocation> allocations;  // by allocationId

  static Records add_to(store::Schema& schema) {
    return {schema.add<Allocation>("bandwidth_allocation", to_json, stored_allocation)};
  }
};

}  // namespace sluice::bandwidth
