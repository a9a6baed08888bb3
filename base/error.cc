#include "base/error.h"

#include <cerrno>
#include <system_error>

namespace sluice {

Error errno_error(std::string_view what) {
  const int saved = errno;
  const auto code = saved == EADDRINUSE || saved == EAGAIN || saved == ECONNREFUSED
                        ? ErrorCode::kUnavailable
                        : ErrorCode::kInternal;
  return Error{code, fmt::format("{}: {}", what, std::generic_category().message(saved)), {}};
}

}  // namespace sluice
