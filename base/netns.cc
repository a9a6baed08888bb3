#include "base/netns.h"

#include <fcntl.h>
#include <sched.h>

#include <cstdlib>

namespace sluice {

Result<NetnsScope> NetnsScope::enter(const std::string& name) {
  if (name.empty()) return NetnsScope(UniqueFd());
  UniqueFd home(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!home) return std::unexpected(errno_error("open /proc/thread-self/ns/net"));
  const UniqueFd there(open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!there) return std::unexpected(errno_error("network namespace " + name));
  if (setns(there.get(), CLONE_NEWNET) != 0) {
    return std::unexpected(errno_error("enter network namespace " + name));
  }
  return NetnsScope(std::move(home));
}

NetnsScope::~NetnsScope() {
  // Going on in the wrong namespace would send packets where nobody expects them.
  if (home_ && setns(home_.get(), CLONE_NEWNET) != 0) std::abort();
}

}  // namespace sluice
