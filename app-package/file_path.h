// Names of files in a package, which come from outside.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::app_package {

inline constexpr size_t kMaxFilePath = 512;  // octets

// Why a name may not be that of a file in a package, or nothing: it has to be relative, without
// "..", "." and empty segments, backslashes and drive letters, in printable ASCII, so that it names
// the same place below whatever directory on every system.
std::optional<std::string> refuse_path(std::string_view path);

// The name as it may stand in a message: cut when long, other than printable characters as "?".
std::string printable(std::string_view path);

}  // namespace sluice::app_package
