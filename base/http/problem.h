// Errors on the wire: application/problem+json (RFC 7807, MEC 009 §6.15), and the one place where
// the project's error codes become HTTP statuses.
#pragma once

#include <string>

#include "base/error.h"
#include "base/http/message.h"

namespace sluice::http {

inline constexpr std::string_view kProblemJson = "application/problem+json";
// The detail of every 500: what went wrong inside is for our log alone.
inline constexpr std::string_view kServerFault =
    "the platform failed to serve this request; its log says why";

struct Problem {
  int status = 500;
  std::string title;     // empty: the reason phrase of the status
  std::string detail;    // for a person: what is wrong and with which field
  std::string type;      // empty: "about:blank"
  std::string instance;  // empty: left out
};

Response to_response(const Problem& problem);

// kInvalidArgument 400, kUnauthenticated 401, kPermissionDenied 403, kNotFound 404, kConflict 409,
// kPreconditionFailed 412, kResourceExhausted 403, kUnsupported 422, kInternal 500,
// kUnavailable 503.
int status_of(ErrorCode code);

// The reply to a failed request; detail is "field: message". The message of a kInternal error is
// for our log, not for the client, who gets a neutral sentence instead.
Response to_response(const Error& error);

}  // namespace sluice::http
