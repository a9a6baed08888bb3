// The one error type of the project and the result that carries it.
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>

namespace sluice {

// What kind of failure it is; the edges (HTTP status, PFCP cause, exit code) map it in one place.
enum class ErrorCode {
  kInvalidArgument,     // the input is wrong; repeating it cannot help
  kNotFound,            // the thing named does not exist
  kConflict,            // the thing exists in a state that forbids this
  kPreconditionFailed,  // a stated precondition (If-Match) does not hold
  kUnauthenticated,     // no or bad credentials
  kPermissionDenied,    // known caller, not allowed
  kResourceExhausted,   // a configured bound is reached
  kUnavailable,         // may work later (peer away, overloaded)
  kUnsupported,         // valid, but this build or site cannot do it
  kInternal,            // a fault of ours or of the system below
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // for a person; says what to do where that is known
  std::string field;    // the offending member or IE ("trafficFilter[0].dstPort[1]"), may be empty

  // "field: message", or just the message when no field is named.
  std::string to_string() const { return field.empty() ? message : field + ": " + message; }
};

template <typename T>
using Result = std::expected<T, Error>;

// An unexpected() of the given kind with a formatted message: `return fail(kNotFound, "no {}", x);`
template <typename... Args>
std::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{code, fmt::format(format, std::forward<Args>(args)...), {}});
}

// As fail(kInvalidArgument), naming the offending field.
template <typename... Args>
std::unexpected<Error> bad_field(std::string field, fmt::format_string<Args...> format,
                                 Args&&... args) {
  return std::unexpected(Error{ErrorCode::kInvalidArgument,
                               fmt::format(format, std::forward<Args>(args)...), std::move(field)});
}

// An Error from errno: "bind 127.0.0.1:8805: Address already in use".
Error errno_error(std::string_view what);

}  // namespace sluice
