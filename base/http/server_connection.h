// One server-side connection without its socket, whatever version of HTTP it speaks: request bytes
// in, reply bytes out. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/http/message.h"

namespace sluice::http {

using RequestHandler = std::function<Response(Request&&)>;

// What a connection needs of whoever owns it.
struct ConnectionHost {
  const RequestHandler& handler;  // must not throw
  std::string remote;             // for Request::remote
  // Takes a deferred reply; whoever owns the connection hands it back by complete() with the same
  // ticket, on the connection's thread, unless the connection is gone by then.
  std::function<void(uint32_t ticket, std::shared_ptr<PendingResponse> pending)> defer;
};

class ServerConnection {
 public:
  // What the connection waits for; each has its timeout.
  enum class Stage : uint8_t {
    kIdle,      // for a request
    kHeader,    // for the rest of a header
    kBody,      // for the rest of a body
    kAwaiting,  // for a deferred reply
  };

  virtual ~ServerConnection() = default;

  virtual void feed(std::string_view bytes) = 0;

  // Serves what has been fed until nothing complete is left or `out` has grown to `enough` octets.
  // False in the latter case: call again when there is room.
  virtual bool serve(std::string& out, size_t enough) = 0;

  // A deferred reply is there; serve() then sends it. One that nobody waits for any more is
  // dropped.
  virtual void complete(uint32_t ticket, Response&& response) = 0;

  // The stage lasted too long: answers as far as the protocol has an answer, and ends.
  virtual void time_out(std::string& out) = 0;

  // Answers 503 and ends the connection: there is no memory for what arrives.
  virtual void overload(std::string& out) = 0;

  // Nothing more will be sent: close once all output is.
  virtual bool finished() const = 0;
  // Whether more input would be looked at now; until then it stays in the socket.
  virtual bool wants_input() const = 0;
  virtual Stage stage() const = 0;
  virtual size_t served() const = 0;  // requests so far
  virtual size_t held() const = 0;    // octets of incomplete requests
};

}  // namespace sluice::http
