#include "mep/dns/forwarder.h"

#include <algorithm>

#include "base/log.h"

namespace sluice::mep::dns {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kDeadlineCheck{20};
constexpr std::chrono::seconds kProbeAgain{10};

// What another resolver may answer better.
bool is_refusal(Rcode rcode) {
  return rcode == Rcode::kServFail || rcode == Rcode::kRefused || rcode == Rcode::kNotImp ||
         rcode == Rcode::kFormErr;
}

}  // namespace

std::vector<uint8_t> upstream_query(const UpstreamQuestion& question, bool mix_case,
                                    RandomBits& random) {
  std::vector<uint8_t> out;
  out.reserve(kHeaderBytes + question.name.size() + 64);
  put_u16(out, random.u16());
  uint16_t flags = flag::kRecursionDesired;
  if (question.authentic_data) flags |= flag::kAuthenticData;
  if (question.checking_disabled) flags |= flag::kCheckingDisabled;
  put_u16(out, flags);
  for (const uint16_t records : std::array<uint16_t, 4>{1, 0, 0, 1}) put_u16(out, records);
  for (const char c : question.name) {
    // A length of a label is below 'A'.
    const bool letter = 'a' <= c && c <= 'z';
    out.push_back(static_cast<uint8_t>(letter && mix_case && random.bit() ? c - 'a' + 'A' : c));
  }
  put_u16(out, question.type);
  put_u16(out, kClassIn);
  out.push_back(0);
  put_u16(out, type::kOpt);
  put_u16(out, kOwnUdpPayload);
  put_u16(out, 0);  // extended RCODE, version
  put_u16(out, question.dnssec_ok ? kDnssecOk : 0);
  if (question.subnet) {
    put_u16(out, static_cast<uint16_t>(8 + question.subnet->address_bytes()));
    put_client_subnet(out, *question.subnet);
  } else {
    put_u16(out, 0);
  }
  return out;
}

Forwarder::Forwarder(EventLoop& loop, ForwarderConfig config, Counters& counters)
    : loop_(loop), config_(std::move(config)), counters_(counters) {
  for (const auto& endpoint : config_.upstreams) upstreams_.push_back({.endpoint = endpoint});
}

Forwarder::~Forwarder() { loop_.cancel(deadlines_); }

std::vector<size_t> Forwarder::order() const {
  std::vector<size_t> out(upstreams_.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = i;
  std::ranges::stable_partition(out, [&](size_t i) { return !upstreams_[i].doubtful; });
  return out;
}

// Ends a question of the client that has most under way, if that is fair. Not one that others wait
// for, too.
bool Forwarder::make_room_for(const IpAddress& share) {
  const auto who = shares_.who_makes_room_for(share);
  if (!who) return false;
  const auto theirs = std::ranges::find_if(exchanges_, [&](const auto& entry) {
    return std::ranges::all_of(entry.second->waiting,
                               [&](const Client& c) { return c.share == *who; });
  });
  if (theirs == exchanges_.end()) return false;
  const auto ended = theirs->second;
  finish(*ended, ended->refusal);
  return true;
}

bool Forwarder::ask(const UpstreamQuestion& question, const IpAddress& client, Done done) {
  auto key = question.key();
  const auto share = share_of(client);
  if (const auto found = exchanges_.find(key); found != exchanges_.end()) {
    auto& waiting = found->second->waiting;
    const auto repeats = std::ranges::count(waiting, share, &Client::share);
    if (waiting.size() >= kMaxWaiting || static_cast<size_t>(repeats) >= kMaxRepeats) return false;
    waiting.push_back({share, std::move(done)});
    return true;
  }
  if (exchanges_.size() >= config_.max_outstanding && !make_room_for(share)) return false;
  probe_the_doubtful();
  auto exchange = std::make_shared<Exchange>(Exchange{.key = key,
                                                      .question = question,
                                                      .waiting = {},
                                                      .order = order(),
                                                      .tries = 0,
                                                      .attempt = nullptr,
                                                      .refusal = nullptr});
  exchange->waiting.push_back({share, std::move(done)});
  exchanges_.emplace(std::move(key), exchange);
  shares_.add(share);
  watch_deadlines();
  counters_.outstanding.store(exchanges_.size(), std::memory_order_relaxed);
  try_next(*exchange);  // ends at the first check, when nobody can be asked
  return true;
}

bool Forwarder::try_next(Exchange& exchange) {
  exchange.attempt.reset();
  const size_t known = exchange.order.size();
  while (exchange.tries < kMaxTries) {
    // Who answered that it cannot is not asked again.
    if (exchange.refusal && exchange.tries >= known) break;
    const size_t upstream = exchange.order[exchange.tries % known];
    ++exchange.tries;
    if (start_attempt(exchange, upstream)) return true;
  }
  exchange.attempt.reset();
  return false;
}

void Forwarder::go_on(Exchange& exchange) {
  if (!try_next(exchange)) finish(exchange, exchange.refusal);
}

bool Forwarder::start_attempt(Exchange& exchange, size_t upstream) {
  count(counters_.attempts);
  exchange.attempt = std::make_unique<UpstreamAttempt>(
      loop_, upstreams_[upstream].endpoint,
      upstream_query(exchange.question, config_.mix_case, random_), config_.timeout, counters_,
      [this, &exchange, upstream](Result<std::vector<uint8_t>> response) {
        on_response(exchange, upstream, std::move(response));
      });
  const auto started = exchange.attempt->start();
  if (!started) note_failure(upstream);
  return started.has_value();
}

void Forwarder::note_failure(size_t upstream) {
  count(counters_.failed_attempts);
  auto& known = upstreams_[upstream];
  if (known.doubtful) return;
  known.doubtful = true;
  known.probe_again = EventLoop::Clock::now();
  probe_the_doubtful();
}

void Forwarder::note_answer(size_t upstream) {
  auto& known = upstreams_[upstream];
  if (known.failing) spdlog::info("dns upstream {} answers again", known.endpoint.to_string());
  known.doubtful = known.failing = false;
}

void Forwarder::probe_the_doubtful() {
  const auto now = EventLoop::Clock::now();
  for (size_t i = 0; i < upstreams_.size(); ++i) {
    const auto& known = upstreams_[i];
    if (known.doubtful && !known.probe && known.probe_again <= now) probe(i);
  }
}

// Asks for the name servers of the root; any answer will do.
void Forwarder::probe(size_t upstream) {
  auto& known = upstreams_[upstream];
  known.probe_again = EventLoop::Clock::now() + kProbeAgain;
  const UpstreamQuestion question{.name = std::string(1, '\0'), .type = type::kNs};
  known.probe = std::make_unique<UpstreamAttempt>(
      loop_, known.endpoint, upstream_query(question, false, random_), config_.timeout, counters_,
      [this, upstream](const Result<std::vector<uint8_t>>& response) {
        auto& probed = upstreams_[upstream];
        const auto ended = std::move(probed.probe);  // until this returns
        if (response) return note_answer(upstream);
        if (std::exchange(probed.failing, true)) return;
        spdlog::warn("dns upstream {} fails reason=\"{}\"", probed.endpoint.to_string(),
                     response.error().message);
      });
  if (!known.probe->start()) known.probe.reset();
  watch_deadlines();
}

void Forwarder::on_response(Exchange& exchange, size_t upstream,
                            Result<std::vector<uint8_t>> response) {
  if (!response) {
    note_failure(upstream);
    go_on(exchange);
    return;
  }
  note_answer(upstream);
  // Only error reports come without a question, see is_response_to().
  auto answer = get_u16(*response, 4) == 1
                    ? read_answer(*response, exchange.question.subnet)
                    : Result<Answer>(fail(ErrorCode::kUnavailable, "reports an error"));
  if (!answer) {
    count(counters_.failed_attempts);
    go_on(exchange);
    return;
  }
  auto& subnet = exchange.question.subnet;
  // RFC 7871 §7.1.3: refused with a subnet means once more without one.
  if (answer->rcode == Rcode::kRefused && subnet && subnet->source != 0) {
    subnet = ClientSubnet{.family = subnet->family};
    exchange.attempt.reset();
    if (!start_attempt(exchange, upstream)) go_on(exchange);
    return;
  }
  auto shared = std::make_shared<const Answer>(std::move(*answer));
  if (is_refusal(shared->rcode)) {
    exchange.refusal = std::move(shared);
    go_on(exchange);
    return;
  }
  finish(exchange, std::move(shared));
}

void Forwarder::finish(Exchange& exchange, std::shared_ptr<const Answer> answer) {
  const auto found = exchanges_.find(exchange.key);
  const auto owner = found->second;  // until every client has its answer
  exchanges_.erase(found);
  counters_.outstanding.store(exchanges_.size(), std::memory_order_relaxed);
  owner->attempt.reset();
  shares_.remove(owner->waiting.front().share);
  for (const auto& client : owner->waiting) client.done(answer);
}

void Forwarder::watch_deadlines() {
  if (watching_) return;
  watching_ = true;
  deadlines_ = loop_.every(kDeadlineCheck, [this] { check_deadlines(); });
}

void Forwarder::check_deadlines() {
  std::vector<std::shared_ptr<Exchange>> all;  // what follows may end exchanges
  all.reserve(exchanges_.size());
  for (const auto& [key, exchange] : exchanges_) all.push_back(exchange);
  const auto now = EventLoop::Clock::now();
  for (const auto& exchange : all) {
    if (exchange->attempt) {
      exchange->attempt->check_deadline(now);
    } else if (exchanges_.contains(exchange->key)) {
      finish(*exchange, exchange->refusal);
    }
  }
  bool probing = false;
  for (auto& upstream : upstreams_) {
    if (upstream.probe) upstream.probe->check_deadline(now);
    probing |= upstream.probe != nullptr;
  }
  if (!exchanges_.empty() || probing) return;
  watching_ = false;
  loop_.cancel(deadlines_);
}

}  // namespace sluice::mep::dns
