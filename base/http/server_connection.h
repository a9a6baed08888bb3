// One server-side connection without its socket, whatever version of HTTP it speaks: request bytes
// in, reply bytes out. Used by one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/http/reply_budget.h"
#include "base/http/service.h"

namespace sluice::http {

// What a connection needs of whoever owns it.
struct ConnectionHost {
  const Service& service;
  std::string peer;    // address and port of the other end, for Request::remote
  bool peer_is_proxy;  // a trusted one: X-Forwarded-For says who the client is
  // Takes a deferred reply; whoever owns the connection hands it back by complete() with the same
  // ticket, on the connection's thread, unless the connection is gone by then.
  std::function<void(uint32_t ticket, std::shared_ptr<PendingResponse> pending)> defer;

  // What replies may take that wait to be read; null: whatever they like. Must outlive the
  // connection.
  ReplyBudget* replies = nullptr;

  // Fills in Request::remote from the peer and the header.
  void identify(Request& request) const;
  // The service's reply, or a 503 when there is no memory for one.
  Response handle(Request&& request) const;
  // Makes a reply that there is no memory for a 503; not one to a change, which is done.
  void fit(Response& response, Method method) const;
};

class ServerConnection {
 public:
  // What the connection waits for.
  enum class Stage : uint8_t {
    kIdle,      // for a request
    kHeader,    // for the rest of a header
    kBody,      // for the rest of a body
    kAwaiting,  // for a deferred reply
    kBusy,      // for something of several requests; tick() watches their time
  };

  // Octets of requests that have not arrived completely.
  struct Held {
    size_t known = 0;     // admitted, by a client with an identity
    size_t stranger = 0;  // all others
    size_t total() const { return known + stranger; }
  };

  using TimePoint = std::chrono::steady_clock::time_point;

  virtual ~ServerConnection() = default;

  virtual void feed(std::string_view bytes) = 0;

  // Serves what has been fed until nothing complete is left or `out` has grown to `enough` octets.
  // False in the latter case: call again when there is room.
  virtual bool serve(std::string& out, size_t enough) = 0;

  // A deferred reply is there; serve() then sends it. One that nobody waits for any more is
  // dropped.
  virtual void complete(uint32_t ticket, Response&& response) = 0;

  // Called now and then, every half second or more often; serve() may have output afterwards.
  virtual void tick(TimePoint now) = 0;

  // The stage, other than kBusy, lasted too long: answers as far as the protocol has an answer,
  // and ends.
  virtual void time_out(std::string& out) = 0;

  // Answers 503 to requests whose bodies are arriving, of strangers alone or of all: there is no
  // memory for them. Not for complete requests.
  virtual void overload(bool strangers_only, std::string& out) = 0;

  // Takes no further requests; those under way are finished.
  virtual void go_away() = 0;

  // Nothing more will be sent: close once all output is.
  virtual bool finished() const = 0;
  // Whether more input would be looked at now; until then it stays in the socket.
  virtual bool wants_input() const = 0;
  virtual Stage stage() const = 0;
  virtual size_t served() const = 0;  // replies so far
  virtual Held held() const = 0;
  virtual bool reading_body() const = 0;
  virtual size_t owed() const = 0;        // octets of replies not yet in the output
  virtual uint64_t streamed() const = 0;  // octets that consumers of bodies have taken so far
};

// The reply to a request that no handler sees: 405 says what may be asked for at all, 503 when to
// come back. To HEAD it has no body, only its length (RFC 9110 §9.3.2).
Response transport_refusal(int status, std::string_view detail, Method method);

}  // namespace sluice::http
