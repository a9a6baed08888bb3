// Texts of somebody else's, made harmless for terminals and logs.
#pragma once

#include <string>
#include <string_view>

namespace sluice {

// Control characters as "?": such a text cannot steer the terminal.
std::string printable(std::string_view text);
// But for the ends of lines.
std::string printable_lines(std::string_view text);

}  // namespace sluice
