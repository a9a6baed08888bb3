// Asks upstream resolvers, in the order of the configuration. One that was silent is asked last
// until it answers; since it may be the question that nobody can answer, it is asked at once for
// the root, which every resolver knows, so that nobody's odd names keep others from it. Equal
// questions wait for one answer, so that nobody can make us ask the same many times at once and
// guess one of the ids (RFC 5452 §5).
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/event_loop.h"
#include "mep/dns/client_shares.h"
#include "mep/dns/counters.h"
#include "mep/dns/endpoint.h"
#include "mep/dns/random_bits.h"
#include "mep/dns/upstream_attempt.h"
#include "mep/dns/upstreams.h"

namespace sluice::mep::dns {

struct ForwarderConfig {
  std::vector<Endpoint> upstreams;  // at least one; the first is preferred
  // Random upper and lower case in questions, which a forger must guess as well; resolvers give a
  // question back as it came.
  bool mix_case = true;
  std::chrono::milliseconds timeout{1'000};  // of one attempt
  size_t max_outstanding = 1'000;            // questions, each with a socket
};

// A message that asks `question`, with an OPT record.
std::vector<uint8_t> upstream_query(const UpstreamQuestion& question, bool mix_case,
                                    RandomBits& random);

// On the loop's thread.
class Forwarder final : public Upstreams {
 public:
  static constexpr unsigned kMaxTries = 4;    // of one question
  static constexpr size_t kMaxWaiting = 256;  // clients of one question
  static constexpr size_t kMaxRepeats = 16;   // of one question by one client

  // `loop` and `counters` must outlive it.
  Forwarder(EventLoop& loop, ForwarderConfig config, Counters& counters);
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;
  // Questions under way are dropped without a word.
  ~Forwarder() override;

  bool ask(const UpstreamQuestion& question, const IpAddress& client, Done done) override;

 private:
  struct Upstream {
    Endpoint endpoint;
    bool doubtful = false;                        // since it was silent, until it answers
    bool failing = false;                         // doubtful, and the probe was not answered either
    std::unique_ptr<UpstreamAttempt> probe = {};  // whether it answers anything
    EventLoop::Clock::time_point probe_again{};
  };
  struct Client {
    IpAddress share;
    Done done;
  };
  struct Exchange {
    std::string key;
    UpstreamQuestion question;
    std::vector<Client> waiting;  // the first one's share it counts in
    std::vector<size_t> order;    // of upstreams_
    unsigned tries = 0;
    std::unique_ptr<UpstreamAttempt> attempt;  // null: nobody is left, ends at the next check
    std::shared_ptr<const Answer> refusal;     // what is told when nobody has anything better
  };

  // False: there is nobody left to ask.
  bool try_next(Exchange& exchange);
  void go_on(Exchange& exchange);  // tries the next, or ends it
  bool start_attempt(Exchange& exchange, size_t upstream);
  void on_response(Exchange& exchange, size_t upstream, Result<std::vector<uint8_t>> response);
  void note_failure(size_t upstream);
  void note_answer(size_t upstream);
  void probe(size_t upstream);
  void probe_the_doubtful();
  bool make_room_for(const IpAddress& share);
  void watch_deadlines();
  void finish(Exchange& exchange, std::shared_ptr<const Answer> answer);
  std::vector<size_t> order() const;
  void check_deadlines();

  EventLoop& loop_;
  const ForwarderConfig config_;
  Counters& counters_;
  RandomBits random_;
  std::vector<Upstream> upstreams_;
  std::unordered_map<std::string, std::shared_ptr<Exchange>> exchanges_;  // by key
  ClientShares shares_;                                                   // of the exchanges
  TimerId deadlines_{};  // runs while somebody is being asked
  bool watching_ = false;
};

}  // namespace sluice::mep::dns
