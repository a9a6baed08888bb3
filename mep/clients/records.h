// Tokens that were revoked before their time.
#pragma once

#include <cstdint>

#include "base/store/schema.h"

namespace sluice::mep {

struct ClientRecords {
  store::Collection<int64_t> revoked_tokens;  // by client and token id: when it expires, Unix s

  static ClientRecords add_to(store::Schema& schema);
};

}  // namespace sluice::mep
