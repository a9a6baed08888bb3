// Tokens that were revoked before their time.
#pragma once

#include <cstdint>

#include "base/store/schema.h"

namespace sluice::mep {

struct ClientRecords {
  store::Collection<int64_t> revoked_tokens;  // by token id: when it expires, seconds since 1970

  static ClientRecords add_to(store::Schema& schema);
};

}  // namespace sluice::mep
