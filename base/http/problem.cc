#include "base/http/problem.h"

namespace sluice::http {

Response to_response(const Problem& problem) {
  nlohmann::ordered_json body;
  body["type"] = problem.type.empty() ? "about:blank" : problem.type;
  body["title"] =
      problem.title.empty() ? std::string(reason_phrase(problem.status)) : problem.title;
  body["status"] = problem.status;
  if (!problem.detail.empty()) body["detail"] = problem.detail;
  if (!problem.instance.empty()) body["instance"] = problem.instance;
  // A detail may quote what the client sent, which need not be UTF-8.
  Response response{problem.status,
                    {},
                    body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)};
  response.headers.add("Content-Type", std::string(kProblemJson));
  return response;
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return 400;
    case ErrorCode::kUnauthenticated:
      return 401;
    case ErrorCode::kPermissionDenied:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kPreconditionFailed:
      return 412;
    case ErrorCode::kUnsupported:
      return 422;
    case ErrorCode::kResourceExhausted:
      return 403;  // to wait, as 429 asks for, would not help
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

Response to_response(const Error& error) {
  if (error.code == ErrorCode::kInternal) {
    return Response::problem(500, kServerFault);
  }
  return Response::problem(status_of(error.code), error.to_string());
}

}  // namespace sluice::http
