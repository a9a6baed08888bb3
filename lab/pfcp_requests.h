// The requests that wait for their response: sequence numbers and retransmission (TS 29.244 §6.4).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "upf-dataplane/pfcp/message.h"

namespace sluice::lab {

// Knows no socket and no clock: it is told the time and hands out what is to be sent.
class PfcpRequests {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Send = std::function<void(Bytes)>;
  // Called exactly once for each request: with the response, or kUnavailable when none came.
  using Done = std::function<void(const Result<upf::pfcp::Message>&)>;

  struct Timing {
    std::chrono::milliseconds t1{500};  // until a request is sent again
    unsigned n1 = 4;                    // how often it is sent in all
  };

  PfcpRequests(Timing timing, Send send) : timing_(timing), send_(std::move(send)) {}

  // Gives the request its sequence number and sends it. A message that cannot be encoded completes
  // at once with the error.
  void start(upf::pfcp::Message request, TimePoint now, Done done);

  // Matches a response to its request by sequence number and type. False: nobody waits for it (a
  // duplicate, or one of an earlier run).
  bool complete(const upf::pfcp::Message& response);

  // Sends again what is overdue and gives up what was sent often enough.
  void tick(TimePoint now);

  // Drops all without calling anybody back.
  void forget_all() { waiting_.clear(); }
  size_t size() const { return waiting_.size(); }

 private:
  struct Waiting {
    upf::pfcp::MessageType response;
    std::vector<uint8_t> encoded;
    unsigned sent = 0;
    TimePoint due;
    Done done;
  };

  Timing timing_;
  Send send_;
  uint32_t last_sequence_ = 0;
  std::map<uint32_t, Waiting> waiting_;
};

}  // namespace sluice::lab
