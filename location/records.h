// What the Location API keeps in the program's store, besides its subscriptions.
#pragma once

#include "base/store/schema.h"

namespace sluice::location {

// How often the subscriber of a bounded subscription has been told.
struct Told {
  uint64_t version = 0;  // of the subscription: another one begins anew
  uint64_t count = 0;
};
nlohmann::json told_to_json(const Told& told);
Result<Told> told_from_json(const nlohmann::json& value);

struct Records {
  store::Collection<Told> told;  // by the id of the subscription

  static Records add_to(store::Schema& schema) {
    return {schema.add<Told>("location_told", told_to_json, told_from_json)};
  }
};

}  // namespace sluice::location
