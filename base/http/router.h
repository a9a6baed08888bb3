// From a request to the handler of its operation: routes, authentication, content negotiation and
// validation, all taken from the OpenAPI documents; handlers see only requests that are valid.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/http/body_stream.h"
#include "base/http/contract.h"
#include "base/http/message.h"
#include "base/http/rate_limit.h"
#include "base/http/service.h"

namespace sluice::http {

// Runs on the transport's threads, several at a time. An exception becomes a 500 that names
// nothing. A handler that would wait returns a deferred reply (pending_response.h).
using Handler = std::function<Response(const Request&)>;
using Handlers = std::map<std::string, Handler, std::less<>>;  // by operationId

// When a request's token is looked at: with the header, and again when the body is there. A body
// may take longer than a token lives: what has expired by then was good when the request was
// admitted, what has been withdrawn is not.
enum class TokenCheck : uint8_t { kAtHeader, kAfterBody };

// Turns a bearer token (RFC 6750 §2.1) into who sent it. kUnauthenticated for a bad token; its
// message goes to the client. Called by several threads at a time.
using Authenticator =
    std::function<Result<PrincipalPtr>(std::string_view bearer_token, TokenCheck check)>;

// A route outside any document (a health check, metrics): no validation, no security.
struct PlainRoute {
  Method method = Method::kGet;
  std::string path;  // literal, "/healthz"
  Handler handler;
};

// GET /healthz, for whoever asks whether the program serves.
PlainRoute health_route();

// A call of an operation that has got its answer.
struct Call {
  std::string_view operation_id;  // lives as long as the router
  PrincipalPtr principal;         // null: no token, a wrong one, or an operation without
  size_t request_bytes = 0;       // of content
};

// Makes the consumer of an operation's body, when everything that its header can say against the
// request has been checked, or refuses it. Its handler finds the consumer in the request, and null
// there when the request came without a body.
using BodyOpener =
    std::function<std::expected<std::shared_ptr<BodyConsumer>, Response>(const Request&)>;

struct RouterOptions {
  // Checks the tokens of operations that declare `security`. Without one, build() fails unless
  // `allow_anonymous` says that everybody may call everything.
  Authenticator authenticator;
  bool allow_anonymous = false;
  std::vector<PlainRoute> plain_routes;
  JsonLimits json;  // of bodies
  // Of operations whose bodies do not come in one piece, by operationId.
  std::map<std::string, BodyOpener, std::less<>> body_openers = {};
  std::shared_ptr<ClientLimiter> limiter;  // null: everybody may ask as often as they like
  size_t page_size = 1000;                 // of Request
  // Told of every exception that a handler let escape: operationId and what(). Without, it is
  // logged.
  std::function<void(std::string_view operation_id, std::string_view what)> on_handler_exception =
      {};
  // Told of every answered call, refused ones included, with the reply as the client gets it. On
  // the thread that has the reply; must not block or throw.
  std::function<void(const Call& call, const Response& reply)> on_reply;
};

// Octets of a body of a client who need not say who it is (a request for a token has some hundred).
inline constexpr size_t kMaxStrangerBody = 64 * 1024;

class Router {
 public:
  // The error lists every operation without a handler, every handler without an operation and every
  // pair of operations with the same route. Serves the documents themselves at /api-specs (a list)
  // and /api-specs/NAME.yaml.
  static Result<Router> build(std::vector<Contract> contracts, Handlers handlers,
                              RouterOptions options);

  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;
  ~Router();

  // Decides on a request by its header alone, before its body is read: everything that handle()
  // checks but the body. An unsecured operation takes at most kMaxStrangerBody octets. Never
  // throws.
  Admission admit(Request& request) const;

  // Never throws. What admit() has seen is not checked again. Answers by itself: 400 (malformed
  // path, parameters, body), 401, 403, 404, 405 with Allow, 406, 415, 429 and OPTIONS; HEAD runs
  // GET and drops the body, keeping its Content-Length. Safe to call from several threads.
  // What it does not need to keep of the request is left there, for Request::clear().
  Response handle(Request&& request) const;

 private:
  struct Tables;
  explicit Router(std::unique_ptr<const Tables> tables);
  std::unique_ptr<const Tables> tables_;
};

}  // namespace sluice::http
