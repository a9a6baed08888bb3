// Texts of others, which should be UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

// The length of the UTF-8 character at `at`, which is no ASCII; 0 when it is none (RFC 3629 §4).
inline size_t utf8_character_bytes(const char* at, const char* end) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(at[i]); };
  const auto left = static_cast<size_t>(end - at);
  const uint8_t lead = byte(0);
  const size_t bytes = lead >= 0xc2 && lead < 0xe0 ? 2 : (lead & 0xf0) == 0xe0 ? 3 : 4;
  if (lead < 0xc2 || lead > 0xf4 || bytes > left) return 0;
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Nothing that is shorter otherwise, no surrogates, nothing beyond U+10FFFF.
  const bool is_bad = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) ||
                      (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f);
  return is_bad ? 0 : bytes;
}

// Where the first octet is that is no part of UTF-8; text.size() when there is none.
inline size_t find_no_utf8(std::string_view text) {
  const char* const end = text.data() + text.size();
  const char* at = text.data();
  while (at != end) {
    const size_t bytes = static_cast<uint8_t>(*at) < 0x80 ? 1 : utf8_character_bytes(at, end);
    if (bytes == 0) break;
    at += bytes;
  }
  return static_cast<size_t>(at - text.data());
}

// With a "?" for every octet that is no part of UTF-8.
inline std::string as_utf8(std::string text) {
  for (size_t at = 0; (at += find_no_utf8(std::string_view(text).substr(at))) < text.size();) {
    text[at] = '?';
  }
  return text;
}

}  // namespace sluice
