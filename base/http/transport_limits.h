// What one client, and all together, may ask of a transport. Defaults suit one edge site.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sluice::http {

// Of one request.
struct ParserLimits {
  size_t max_request_line = 8 * 1024;  // octets; HTTP/2: of the target; beyond: 414
  size_t max_header = 16 * 1024;       // octets of all fields; beyond: 431
  size_t max_header_fields = 100;      // beyond: 431
  size_t max_body = 1024 * 1024;       // octets; beyond: 413, before the body is read
  // Octets of a body that a BodyConsumer takes; 0: nobody takes any.
  uint64_t max_streamed_body = 0;
};

struct TransportLimits {
  ParserLimits parser;
  size_t max_connections = 10'000;         // beyond: 503 and close
  size_t body_budget = 256 * 1024 * 1024;  // octets of all bodies arriving; beyond: 503
  size_t stranger_body_budget =
      32 * 1024 * 1024;      // the part of it open to requests without identity
  size_t max_streams = 128;  // HTTP/2: requests of a connection at one time
  // HTTP/2: octets of replies of a connection that wait for its client to read; beyond: its further
  // requests are refused (REFUSED_STREAM).
  size_t max_unread = 16 * 1024 * 1024;
  // Octets of replies of all connections that wait for clients to read; see reply_budget.h.
  size_t reply_budget = 256 * 1024 * 1024;
  // Octets a second that a client has to take of what it is owed, on average, after write_timeout
  // of grace; slower: closed, or the stream reset. 0: at any pace.
  size_t min_read_rate = 16 * 1024;
  std::chrono::milliseconds header_timeout{10'000};  // from the first byte of a request; 408
  // From the end of the header; of a streamed body, without any octet of it; 408.
  std::chrono::milliseconds body_timeout{30'000};
  std::chrono::milliseconds idle_timeout{120'000};  // between requests; closed
  std::chrono::milliseconds write_timeout{30'000};  // without the client taking any byte; closed
  std::chrono::milliseconds reply_timeout{60'000};  // for a deferred reply; 503
  // How long the client may take to close after our last reply. Until then what it still sends is
  // read and thrown away, since closing on unread data would destroy the reply on its way.
  std::chrono::milliseconds linger_timeout{2'000};
  size_t linger_bytes = 64 * 1024 * 1024;  // at most thrown away

  // Whether a client that took so many octets in that time is too slow.
  bool reads_too_slowly(size_t octets, std::chrono::steady_clock::duration time) const {
    const std::chrono::duration<double> beyond = time - write_timeout;
    return static_cast<double>(octets) < beyond.count() * static_cast<double>(min_read_rate);
  }
};

}  // namespace sluice::http
