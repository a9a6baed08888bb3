// Serves HTTP/1.1 and HTTP/2 on one port over Pistache: its listener, reactor and worker threads
// carry the connections; the protocols themselves are Http1Connection and Http2Connection.
// Pistache 0.0.5's own HTTP/1.1 closes persistent connections, drops pipelined requests, guesses at
// contradictory framing, cannot answer HEAD, hides paths behind their encoding, shows exception
// texts and stalls on large bodies (pistache_defects_test.cc has each); it has no HTTP/2.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/http/service.h"
#include "base/http/transport_limits.h"
#include "base/net/ip_address.h"

namespace sluice::http {

struct TransportOptions {
  IpAddress address;
  uint16_t port = 0;  // 0: any free one
  size_t threads = 2;
  TransportLimits limits;
  // Peers whose X-Forwarded-For is believed: the last address in it becomes Request::remote.
  std::vector<IpPrefix> trusted_proxies;
};

// Meant to be started a few times in a process's life: Pistache 0.0.5 never closes the eventfds of
// a stopped listener, one and two more for each thread.
class PistacheTransport {
 public:
  // Listens and serves until destroyed. The service runs on the worker threads, several at a time;
  // an exception from it ends the connection. A deferred reply pauses its connection but no thread.
  // The threads have all signals blocked. kUnavailable when the address cannot be bound.
  static Result<std::unique_ptr<PistacheTransport>> start(const TransportOptions& options,
                                                          Service service);
  static Result<std::unique_ptr<PistacheTransport>> start(const TransportOptions& options,
                                                          RequestHandler handler) {
    return start(options, Service{std::move(handler)});
  }

  // Tells the clients (GOAWAY, Connection: close), lets every handler that runs finish and waits a
  // few seconds for deferred replies, sends what the sockets take at once, closes all connections
  // and joins all threads.
  ~PistacheTransport();

  uint16_t port() const { return port_; }
  size_t connections() const;  // open now
  size_t bytes_held() const;   // octets of requests that have not arrived completely
  size_t bytes_owed() const;   // octets of replies that wait for clients to read them

 private:
  struct Running;
  PistacheTransport(std::unique_ptr<Running> running, uint16_t port);
  std::unique_ptr<Running> running_;
  uint16_t port_;
};

}  // namespace sluice::http
