#include "mep/dns/resolver.h"

#include <algorithm>

namespace sluice::mep::dns {
namespace {

// Enough to tell a person with the wrong address; too few to be worth a spoofed source.
constexpr unsigned kRefusalsPerSecond = 100;

}  // namespace

std::string UpstreamQuestion::key() const {
  std::string out = name;
  out.push_back(static_cast<char>(type >> 8));
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>((dnssec_ok ? 1 : 0) | (checking_disabled ? 2 : 0) |
                                  (authentic_data ? 4 : 0) | (subnet ? 8 : 0)));
  if (subnet) {
    out.push_back(static_cast<char>(subnet->family));
    out.push_back(static_cast<char>(subnet->source));
    out.append(reinterpret_cast<const char*>(subnet->address.data()), subnet->address_bytes());
  }
  return out;
}

Resolver::Resolver(const NameTable& names, Upstreams* upstreams, const Clock& clock,
                   ResolverConfig config, Counters& counters)
    : names_(names),
      upstreams_(upstreams),
      clock_(clock),
      config_(std::move(config)),
      counters_(counters),
      cache_(config_.cache_entries) {}

bool Resolver::is_allowed(const IpAddress& client) const {
  return std::ranges::any_of(config_.allow, [&](const auto& p) { return p.contains(client); });
}

bool Resolver::may_refuse() {
  const auto now = clock_.now();
  if (now - refusals_since_ >= std::chrono::seconds(1)) {
    refusals_since_ = now;
    refusals_ = 0;
  }
  return ++refusals_ <= kRefusalsPerSecond;
}

ResponseForm Resolver::form_for(const Query& query, Transport transport) const {
  const bool subnet = config_.subnets.enabled() && query.edns && query.edns->subnet;
  return {room_for(query, transport), subnet ? &*query.edns->subnet : nullptr};
}

Resolver::Outcome Resolver::handle(Bytes message, const IpAddress& client, Transport transport,
                                   std::vector<uint8_t>& out, const MakeReply& make_reply) {
  count(transport == Transport::kUdp ? counters_.udp_queries : counters_.tcp_queries);
  if (!deserves_answer(message)) {
    count(counters_.unanswered);
    return Outcome::kSilence;
  }
  Query query;
  const Rcode reading = read_query(message, query);
  if (!is_allowed(client)) {
    if (!may_refuse()) {
      count(counters_.unanswered);
      return Outcome::kSilence;
    }
    count(counters_.refused);
    query.edns.reset();  // no longer than what was asked
    write_error(query, Rcode::kRefused, {}, out);
    return Outcome::kAnswered;
  }
  // Answers hold for every subnet unless an upstream resolver says otherwise.
  if (query.edns && query.edns->subnet) query.edns->subnet->scope = 0;
  const auto form = form_for(query, transport);
  if (reading != Rcode::kNoError) {
    count(counters_.errors);
    write_error(query, reading, form, out);
    return Outcome::kAnswered;
  }
  if (answer_here(query, form, out)) return Outcome::kAnswered;

  const UpstreamQuestion question{
      .name = std::string(query.name()),
      .type = query.type,
      .dnssec_ok = query.edns && query.edns->dnssec_ok,
      .checking_disabled = (query.flags & flag::kCheckingDisabled) != 0,
      .authentic_data = (query.flags & flag::kAuthenticData) != 0,
      .subnet = config_.subnets.to_forward(client, query.edns ? query.edns->subnet : std::nullopt)};
  auto key = question.key();
  if (const auto hit = cache_.find(key, clock_.now()); hit.answer) {
    count(counters_.from_cache);
    write_from(query, *hit.answer, hit.age, transport, out);
    return Outcome::kAnswered;
  }
  auto waiting =
      std::make_shared<Waiting>(Waiting{{message.begin(), message.end()}, transport, make_reply()});
  const bool asked =
      upstreams_->ask(question, client,
                      [this, waiting, key = std::move(key)](std::shared_ptr<const Answer> answer) {
                        finish(*waiting, key, answer);
                      });
  if (asked) return Outcome::kLater;
  count(counters_.failed);
  write_error(query, Rcode::kServFail, form, out);
  return Outcome::kAnswered;
}

bool Resolver::answer_here(const Query& query, const ResponseForm& form,
                           std::vector<uint8_t>& out) {
  if (query.edns && query.edns->version != 0) {
    count(counters_.errors);
    write_error(query, Rcode::kBadVers, form, out);
    return true;
  }
  if (query.type == type::kOpt) {
    count(counters_.errors);
    write_error(query, Rcode::kFormErr, form, out);
    return true;
  }
  const bool transfers = query.type >= type::kTkey && query.type < type::kAny;
  if (query.question_class != kClassIn || transfers) return refuse(query, form, out);
  if (query.type == type::kAny) {
    count(counters_.by_rule);
    write_any(query, form, out);
    return true;
  }
  if (answer_by_rule(query, form, out)) return true;
  // Who does not want recursion would learn what others asked before.
  const bool recursive = (query.flags & flag::kRecursionDesired) != 0;
  return upstreams_ == nullptr || !recursive ? refuse(query, form, out) : false;
}

bool Resolver::refuse(const Query& query, const ResponseForm& form, std::vector<uint8_t>& out) {
  count(counters_.refused);
  write_error(query, Rcode::kRefused, form, out);
  return true;
}

bool Resolver::answer_by_rule(const Query& query, const ResponseForm& form,
                              std::vector<uint8_t>& out) {
  const bool address = query.type == type::kA || query.type == type::kAaaa;
  // Their hints (RFC 9460) would lead round the rule.
  const bool hints = query.type == type::kHttps || query.type == type::kSvcb;
  if (!address && !hints) return false;
  const NameAnswers* answers = names_.find(query.name());
  if (answers == nullptr) return false;
  static const std::vector<NameAddress> kNone;
  const auto& addresses = hints ? kNone : query.type == type::kA ? answers->v4 : answers->v6;
  count(counters_.by_rule);
  write_addresses(query, addresses, query.type, form, out);
  return true;
}

void Resolver::write_from(const Query& query, const Answer& answer, std::chrono::seconds age,
                          Transport transport, std::vector<uint8_t>& out) const {
  const bool exists = names_.find(query.name()) != nullptr;
  const auto form = form_for(query, transport);
  if (form.subnet == nullptr) {
    write_forwarded(query, answer, age, exists, form, out);
    return;
  }
  ClientSubnet subnet = *form.subnet;
  subnet.scope = answer.subnet_scope;
  write_forwarded(query, answer, age, exists, {form.room, &subnet}, out);
}

void Resolver::finish(const Waiting& waiting, const std::string& key,
                      const std::shared_ptr<const Answer>& answer) {
  Query query;
  read_query(waiting.message, query);
  if (query.edns && query.edns->subnet) query.edns->subnet->scope = 0;
  std::vector<uint8_t> out;
  if (answer) {
    count(counters_.forwarded);
    cache_.keep(key, answer, clock_.now());
    write_from(query, *answer, std::chrono::seconds(0), waiting.transport, out);
  } else {
    count(counters_.failed);
    write_error(query, Rcode::kServFail, form_for(query, waiting.transport), out);
  }
  waiting.reply(out);
}

}  // namespace sluice::mep::dns
