#include "base/http/reply_fields.h"

#include <algorithm>
#include <cstddef>
#include <ctime>

namespace sluice::http {

const std::string& date_field() {
  thread_local std::time_t rendered_at = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != rendered_at) {
    std::tm utc{};
    gmtime_r(&now, &utc);
    char buffer[40];
    text.assign(buffer, std::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &utc));
    rendered_at = now;
  }
  return text;
}

namespace {
bool breaks_line(char c) { return c == '\r' || c == '\n' || c == '\0'; }
}  // namespace

bool is_clean_field_value(std::string_view value) {
  return std::ranges::none_of(value, breaks_line);
}

void append_field_value(std::string_view value, std::string& out) {
  const auto at = out.size();
  out.append(value);
  std::replace_if(out.begin() + static_cast<std::ptrdiff_t>(at), out.end(), breaks_line, ' ');
}

bool is_bodyless(int status) { return status < 200 || status == 204 || status == 304; }

}  // namespace sluice::http
