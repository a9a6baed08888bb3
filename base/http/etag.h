// Entity tags (RFC 9110 §8.8.3) and the conditions on them. Tags here are strong and name a
// revision of the store, so that none ever stands for two contents.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/http/message.h"

namespace sluice::http {

std::string etag_of(uint64_t revision);  // with its quotes

// If-Match: kPreconditionFailed unless absent, "*", or naming `etag` (§13.1.1; strong comparison).
Result<void> check_if_match(const Request& request, std::string_view etag);

// If-None-Match of a request that changes something: kPreconditionFailed when it is "*" or names
// `etag`, that of a resource that exists.
Result<void> check_if_none_match(const Request& request, std::string_view etag);

// If-None-Match: whether the client already has `etag` (§13.1.2; weak comparison).
bool client_has(const Request& request, std::string_view etag);

// 200 with the body and its tag, or 304 when the client has it.
Response tagged_response(const Request& request, const nlohmann::json& body, std::string_view etag);

}  // namespace sluice::http
