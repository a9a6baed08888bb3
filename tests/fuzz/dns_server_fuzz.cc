// Any bytes as a query to the platform's DNS server and any bytes as the answer of its upstream
// resolver: whatever is said to the client is a whole message that fits its query.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <vector>

#include "mep/dns/resolver.h"
#include "mep/dns/upstream_attempt.h"

using namespace sluice;
using namespace sluice::mep::dns;

namespace {

void check(bool condition) {
  if (!condition) std::abort();
}

// Answers at the test's command.
class Script final : public Upstreams {
 public:
  bool ask(const UpstreamQuestion& question, const IpAddress& /*client*/, Done done) override {
    asked = question;
    waiting = std::move(done);
    return true;
  }
  std::optional<UpstreamQuestion> asked;
  Done waiting;
};

NameTable make_names() {
  NameTable names;
  const auto add = [&](const char* key, const char* name, const char* address) {
    traffic_rules::DnsRule rule;
    rule.domain_name.value = *traffic_rules::DomainName::parse(name);
    rule.ip_address.value = *IpAddress::parse(address);
    names.put(key, 1, rule);
  };
  add("1", "a.example", "192.0.2.1");
  add("2", "a.example", "2001:db8::1");
  add("3", "*.b.example", "192.0.2.3");
  return names;
}

void check_response(Bytes query, Bytes response, size_t room) {
  check(response.size() >= kHeaderBytes && response.size() <= room);
  check(get_u16(response, 0) == get_u16(query, 0));
  check((get_u16(response, 2) & flag::kResponse) != 0);
  if (get_u16(response, 4) == 0) {
    check(response.size() == kHeaderBytes || get_u16(response, 10) == 1);
    return;
  }
  check(each_record(response, [](const Record&) {}));
  const size_t question = *skip_name(response, kHeaderBytes) + 4;
  check(query.size() >= question &&
        std::memcmp(query.data() + kHeaderBytes, response.data() + kHeaderBytes,
                    question - kHeaderBytes) == 0);
}

// The answer as an upstream resolver would frame it: header and question are right.
std::vector<uint8_t> upstream_response(const UpstreamQuestion& question, Bytes rest) {
  std::vector<uint8_t> out = {0, 0};
  put_bytes(out, rest.first(2));
  out[2] = static_cast<uint8_t>((out[2] | 0x80) & 0x87);
  put_u16(out, 1);
  put_bytes(out, rest.subspan(2, 6));
  out.insert(out.end(), question.name.begin(), question.name.end());
  put_u16(out, question.type);
  put_u16(out, kClassIn);
  put_bytes(out, rest.subspan(8));
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const NameTable names = make_names();
  if (size < 2) return 0;
  // First how long the query is, and how it came; then the query; then the upstream's answer.
  const bool tcp = (data[0] & 1) != 0;
  const size_t query_bytes = std::min<size_t>(data[1], size - 2);
  const Bytes query(data + 2, query_bytes);
  const Bytes rest(data + 2 + query_bytes, size - 2 - query_bytes);
  Script upstreams;
  Counters counters;
  const SystemClock clock;
  Resolver resolver(names, &upstreams, clock,
                    {{*IpPrefix::parse("10.0.0.0/8")}, {.ipv4_bits = 24, .ipv6_bits = 56}, 10},
                    counters);
  const auto transport = tcp ? Transport::kTcp : Transport::kUdp;
  const size_t room = tcp ? kMaxMessage : kOwnUdpPayload;
  bool replied = false;
  std::vector<uint8_t> out;
  const auto ask = [&] {
    return resolver.handle(query, *IpAddress::parse("10.0.0.1"), transport, out, [&] {
      return [&](Bytes response) {
        check_response(query, response, room);
        replied = true;
      };
    });
  };
  const auto outcome = ask();
  check((outcome == Resolver::Outcome::kSilence) == !deserves_answer(query));
  if (outcome == Resolver::Outcome::kAnswered) check_response(query, out, room);
  if (outcome != Resolver::Outcome::kLater || rest.size() < 8) return 0;

  const auto response = upstream_response(*upstreams.asked, rest);
  auto answer = read_answer(response, upstreams.asked->subnet);
  upstreams.waiting(answer ? std::make_shared<const Answer>(std::move(*answer)) : nullptr);
  check(replied);
  if (ask() == Resolver::Outcome::kAnswered) check_response(query, out, room);  // from the cache
  return 0;
}
