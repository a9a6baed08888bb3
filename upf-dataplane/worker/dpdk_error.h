// Failures that DPDK reports.
#pragma once

#include <rte_errno.h>

#include "base/error.h"

namespace sluice::upf {

// `negative` is the return value of a DPDK call (-errno), or 0 to use rte_errno.
inline std::unexpected<Error> dpdk_fail(std::string_view what, int negative = 0) {
  const int code = negative < 0 ? -negative : rte_errno;
  return fail(ErrorCode::kInternal, "{}: {}", what, rte_strerror(code));
}

}  // namespace sluice::upf
