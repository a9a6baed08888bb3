// What happens to a query, without sockets: rules first, then the cache, then the upstream
// resolvers.
//
//   not a query                                 silence
//   client not allowed                          REFUSED, a bounded number a second
//   malformed; other opcode; EDNS version > 0   FORMERR; NOTIMP; BADVERS
//   class other than IN, AXFR, IXFR, TKEY       REFUSED
//   ANY                                         HINFO (RFC 8482), whatever the name
//   name with a rule: A, AAAA, HTTPS, SVCB      addresses or NODATA, as the data path answers
//   other, without RD or without upstreams      REFUSED
//   other                                       cache or upstream; SERVFAIL when nobody answers
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "mep/dns/answer_cache.h"
#include "mep/dns/counters.h"
#include "mep/dns/name_table.h"
#include "mep/dns/query.h"
#include "mep/dns/response.h"
#include "mep/dns/upstreams.h"

namespace sluice::mep::dns {

struct ResolverConfig {
  std::vector<IpPrefix> allow;  // clients that are served
  SubnetPolicy subnets;
  size_t cache_entries = 10'000;
};

// For one thread.
class Resolver {
 public:
  enum class Outcome : uint8_t {
    kAnswered,  // the response is in `out`
    kSilence,   // there will be none
    kLater,     // `reply` will be called with it, on this thread
  };
  using Reply = std::function<void(Bytes response)>;
  using MakeReply = std::function<Reply()>;

  // `upstreams` may be null: only rules are answered. All must outlive the resolver, which must
  // outlive the questions that it asked.
  Resolver(const NameTable& names, Upstreams* upstreams, const Clock& clock, ResolverConfig config,
           Counters& counters);

  // `make_reply` is called only for kLater, before this returns.
  Outcome handle(Bytes message, const IpAddress& client, Transport transport,
                 std::vector<uint8_t>& out, const MakeReply& make_reply);

 private:
  // A client that waits for an upstream resolver.
  struct Waiting {
    std::vector<uint8_t> message;
    Transport transport;
    Reply reply;
  };

  bool is_allowed(const IpAddress& client) const;
  bool may_refuse();
  // Whether `out` has a response that needs neither cache nor upstream.
  bool answer_here(const Query& query, const ResponseForm& form, std::vector<uint8_t>& out);
  bool answer_by_rule(const Query& query, const ResponseForm& form, std::vector<uint8_t>& out);
  bool refuse(const Query& query, const ResponseForm& form, std::vector<uint8_t>& out);
  ResponseForm form_for(const Query& query, Transport transport) const;
  void write_from(const Query& query, const Answer& answer, std::chrono::seconds age,
                  Transport transport, std::vector<uint8_t>& out) const;
  void finish(const Waiting& waiting, const std::string& key,
              const std::shared_ptr<const Answer>& answer);

  const NameTable& names_;
  Upstreams* upstreams_;
  const Clock& clock_;
  ResolverConfig config_;
  Counters& counters_;
  AnswerCache cache_;
  AnswerCache::TimePoint refusals_since_{};
  unsigned refusals_ = 0;  // since then
};

}  // namespace sluice::mep::dns
