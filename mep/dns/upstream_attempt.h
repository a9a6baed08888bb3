// One question to one upstream resolver: over UDP, and over TCP when the answer does not fit or
// when somebody seems to guess.
//
//   UDP --TC, or too many responses that do not fit--> TCP
//    |                                                  |
//    +------- response, error of the network -----------+--> done
#pragma once

#include <functional>
#include <vector>

#include "base/bytes.h"
#include "base/event_loop.h"
#include "mep/dns/counters.h"
#include "mep/dns/endpoint.h"

namespace sluice::mep::dns {

// Whether `response` answers `query` (RFC 5452 §9.1): id, opcode and question are equal to the
// letter. One without a question is taken when it reports an error.
bool is_response_to(Bytes response, Bytes query);

class UpstreamAttempt {
 public:
  // The response, which is_response_to() the query, or why there is none. Called once, and never by
  // the constructor or start(); may destroy the attempt.
  using Done = std::function<void(Result<std::vector<uint8_t>>)>;

  // `query` is a whole message. `loop` and `counters` must outlive it.
  UpstreamAttempt(EventLoop& loop, const Endpoint& upstream, std::vector<uint8_t> query,
                  std::chrono::milliseconds timeout, Counters& counters, Done done);
  UpstreamAttempt(const UpstreamAttempt&) = delete;
  UpstreamAttempt& operator=(const UpstreamAttempt&) = delete;
  ~UpstreamAttempt();

  // Sends it. On failure `done` is never called.
  Result<void> start();
  // Tells `done` of a timeout when it is time for that.
  void check_deadline(EventLoop::Clock::time_point now);

 private:
  Result<void> connect(int kind);
  void on_datagram();
  void start_tcp();
  void on_stream(uint32_t events);
  void write_query();
  void read_response();
  void finish(Result<std::vector<uint8_t>> result);
  void close();

  EventLoop& loop_;
  const Endpoint upstream_;
  const std::vector<uint8_t> query_;
  const std::chrono::milliseconds timeout_;
  Counters& counters_;
  Done done_;
  UniqueFd socket_;
  EventLoop::Clock::time_point deadline_;
  unsigned misfits_ = 0;
  size_t written_ = 0;             // of the length and the query, over TCP
  std::vector<uint8_t> received_;  // of the length and the response, over TCP
};

}  // namespace sluice::mep::dns
