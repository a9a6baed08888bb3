// A ZIP archive in memory.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace sluice::app_package {

// With that one file in it.
Result<std::string> zip_of(const std::string& path, std::string_view content);

}  // namespace sluice::app_package
