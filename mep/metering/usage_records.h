// Which apps called which operations how often: what a billing system takes from the platform.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/store/collection.h"

namespace sluice::store {
class Schema;
}

namespace sluice::mep {

// Calls of one app instance, of one operation, that ended with one status.
struct UsageRecord {
  std::string app_instance_id;
  std::string operation;  // operationId
  int status = 0;
  uint64_t calls = 0;
  uint64_t request_bytes = 0;  // of content, headers not counted
  uint64_t response_bytes = 0;
  int64_t first_ms = 0;  // Unix time
  int64_t last_ms = 0;

  std::string key() const;                            // unique among records of an interval
  UsageRecord& operator+=(const UsageRecord& other);  // with the same key
};

// Closed: it never changes until it is acknowledged, and then it is gone.
struct UsageBatch {
  uint64_t sequence = 0;    // from 1, without gaps; never used again
  int64_t from_ms = 0;      // Unix time of the first call in its interval
  int64_t to_ms = 0;        // when the interval was closed; it has no later call
  uint64_t lost_calls = 0;  // that were not recorded, as too many records waited
  std::vector<UsageRecord> records;
};

struct UsageState {
  uint64_t next_sequence = 1;
  int64_t opened_ms = 0;         // first call of the interval that is being counted
  uint64_t lost_calls = 0;       // since the last batch
  uint64_t waiting_records = 0;  // in batches
};

struct UsageCollections {
  store::Collection<UsageRecord> open;    // of the interval that is being counted, by key()
  store::Collection<UsageBatch> batches;  // by batch_id()
  store::Collection<UsageState> state;    // one, kUsageState

  static UsageCollections add_to(store::Schema& schema);
};

inline constexpr const char* kUsageState = "usage";
std::string batch_id(uint64_t sequence);  // sorts as the numbers do

// UsageBatch of api-specs/mm5.yaml, without its source.
nlohmann::json usage_batch_to_api(const UsageBatch& batch);

}  // namespace sluice::mep
