// What the platform remembers of an app instance besides its rules: how it was asked to end, and
// how it registered itself.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/packed_json.h"
#include "base/store/schema.h"

namespace sluice::mep {

// MEC 011 §7.1.4.2: what happens to the instance.
enum class OperationAction : uint8_t { kStopping, kTerminating };
const char* to_string(OperationAction action);  // "STOPPING"
std::optional<OperationAction> parse_operation_action(std::string_view word);

enum class TerminationResult : uint8_t {
  kPending,
  kConfirmed,    // by the app
  kTimedOut,     // the graceful time is over
  kUnannounced,  // nobody had subscribed, or there was no time to give
};
const char* to_string(TerminationResult result);  // "TIMED_OUT"

// The last request to stop or end an instance. Times are Unix time.
struct Termination {
  OperationAction action = OperationAction::kStopping;
  uint32_t graceful_timeout_s = 0;
  int64_t requested_ms = 0;
  int64_t deadline_ms = 0;
  TerminationResult result = TerminationResult::kPending;
  int64_t ended_ms = 0;   // unless pending
  uint64_t notified = 0;  // subscriptions that were told
};

struct Registration {
  std::string client_id;  // who registered
  PackedJson info;        // AppInfo
};

struct AppSupportRecords {
  store::Collection<Termination> terminations;    // by appInstanceId
  store::Collection<Registration> registrations;  // by appInstanceId

  static AppSupportRecords add_to(store::Schema& schema);
};

}  // namespace sluice::mep
