// Getting the content of a package from where the operator says it is.
#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "base/error.h"
#include "notify/callback_policy.h"

namespace sluice::meao {

struct FetchOptions {
  std::string ca_file;  // of https servers; empty: the system's
  std::chrono::seconds connect_timeout{10};
  std::chrono::seconds stall_timeout{30};  // below 16 KiB/s
  uint64_t max_size = 0;                   // octets of a content
  std::string user_agent = "sluice-meao";
};

// Writes what a GET of `uri` returns to the file and syncs it. Blocks; ends early when `stop` turns
// true. The policy judges each address that is connected to; redirects are not followed. The error
// says what went wrong, for the operator.
Result<void> fetch(const std::string& uri, const std::string& path,
                   const notify::CallbackPolicy& policy, const FetchOptions& options,
                   const std::atomic<bool>& stop);

}  // namespace sluice::meao
