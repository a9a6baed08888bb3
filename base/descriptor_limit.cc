#include "base/descriptor_limit.h"

#include <sys/resource.h>

#include <algorithm>

#include "base/log.h"

namespace sluice {

size_t make_room_for(size_t connections) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return connections;
  const rlim_t wanted = connections + kReservedDescriptors;
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) getrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= wanted) return connections;
  const size_t usable = limit.rlim_cur;
  const size_t fit = usable > kReservedDescriptors ? usable - kReservedDescriptors : 1;
  spdlog::warn("open files limit connections limit={} asked={} accepted={}; raise LimitNOFILE",
               usable, connections, fit);
  return fit;
}

}  // namespace sluice
