// Doing something inside another network namespace.
#pragma once

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace sluice {

// While it lives, the calling thread is in the named namespace (`ip netns add NAME`; an empty name
// is the namespace it is in already). Sockets and TUN devices made meanwhile stay there.
class NetnsScope {
 public:
  static Result<NetnsScope> enter(const std::string& name);
  NetnsScope(NetnsScope&&) = default;
  NetnsScope& operator=(NetnsScope&&) = delete;
  ~NetnsScope();

 private:
  explicit NetnsScope(UniqueFd home) : home_(std::move(home)) {}
  UniqueFd home_;  // where to go back to; empty: nothing to undo
};

}  // namespace sluice
