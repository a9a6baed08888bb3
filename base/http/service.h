// What stands behind a transport.
#pragma once

#include <functional>
#include <limits>
#include <optional>

#include "base/http/message.h"

namespace sluice::http {

// Called on the transport's threads, several at a time.
using RequestHandler = std::function<Response(Request&&)>;

// The verdict on a request whose header is there and whose body is not.
struct Admission {
  std::optional<Response> refusal;  // the reply; the body is thrown away as it comes
  bool known = false;               // the client has proved who it is
  size_t max_body = std::numeric_limits<size_t>::max();  // octets; beyond, or the limit of all: 413
  // Gets the body as it comes; ParserLimits::max_streamed_body bounds it then.
  std::shared_ptr<BodyConsumer> consumer = nullptr;
};

struct Service {
  RequestHandler handle;
  // Asked before a body is read, so that what is refused anyway takes no memory; handle() gets the
  // request as this left it. Requests without a body go to handle() at once. Empty: all admitted.
  std::function<Admission(Request&)> admit = nullptr;
};

}  // namespace sluice::http
