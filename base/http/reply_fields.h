// What both versions of HTTP put into the header of a reply.
#pragma once

#include <string>
#include <string_view>

namespace sluice::http {

// The value of Date (RFC 9110 §6.6.1), now; rendered once a second per thread.
const std::string& date_field();

// A field value as it may go on the wire: a line break in it would let whoever chose the value
// write header fields of their own.
bool is_clean_field_value(std::string_view value);  // as it is
void append_field_value(std::string_view value, std::string& out);

// Whether a reply of that status has no body.
bool is_bodyless(int status);

}  // namespace sluice::http
