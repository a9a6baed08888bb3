// Serves HTTP/1.1 over Pistache: its listener, reactor and worker threads carry the connections;
// the protocol itself is Http1Connection, because Pistache 0.0.5's own closes persistent
// connections, drops pipelined requests, guesses at contradictory framing, cannot answer HEAD,
// hides paths behind their encoding, shows exception texts and stalls on large bodies
// (pistache_defects_test.cc has each).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "base/error.h"
#include "base/http/http1_connection.h"
#include "base/net/ip_address.h"

namespace sluice::http {

struct TransportLimits {
  ParserLimits parser;
  size_t max_connections = 10'000;                   // beyond: 503 and close
  size_t body_budget = 256 * 1024 * 1024;            // octets of all bodies arriving; beyond: 503
  std::chrono::milliseconds header_timeout{10'000};  // from the first byte of a request; 408
  std::chrono::milliseconds body_timeout{30'000};    // from the end of the header; 408
  std::chrono::milliseconds idle_timeout{120'000};   // between requests; closed
  std::chrono::milliseconds write_timeout{30'000};   // without the client taking any byte; closed
  std::chrono::milliseconds reply_timeout{60'000};   // for a deferred reply; 503
  // How long the client may take to close after our last reply. Until then what it still sends is
  // read and thrown away, since closing on unread data would destroy the reply on its way.
  std::chrono::milliseconds linger_timeout{2'000};
  size_t linger_bytes = 64 * 1024 * 1024;  // at most thrown away
};

struct TransportOptions {
  IpAddress address;
  uint16_t port = 0;  // 0: any free one
  size_t threads = 2;
  TransportLimits limits;
};

// Meant to be started a few times in a process's life: Pistache 0.0.5 never closes the eventfds of
// a stopped listener, one and two more for each thread.
class PistacheTransport {
 public:
  // Listens and serves until destroyed. `handler` runs on the worker threads, several at a time; an
  // exception from it ends the connection. A deferred reply pauses its connection but no thread.
  // The threads have all signals blocked. kUnavailable when the address cannot be bound.
  static Result<std::unique_ptr<PistacheTransport>> start(const TransportOptions& options,
                                                          RequestHandler handler);

  // Lets every handler that runs finish and waits a few seconds for deferred replies, sends what
  // the sockets take at once, closes all connections and joins all threads.
  ~PistacheTransport();

  uint16_t port() const { return port_; }
  size_t connections() const;  // open now
  size_t bytes_held() const;   // octets of requests that have not arrived completely

 private:
  struct Running;
  PistacheTransport(std::unique_ptr<Running> running, uint16_t port);
  std::unique_ptr<Running> running_;
  uint16_t port_;
};

}  // namespace sluice::http
