// Any bytes as a DNS query: left untouched, or answered with a response that a strict reader can
// follow to its end.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "upf-dataplane/dns/dns_responder.h"

using namespace sluice;
using namespace sluice::upf;

namespace {

void check(bool condition) {
  if (!condition) std::abort();
}

DnsTable make_table() {
  DnsTable table;
  const auto add = [&](const char* name, const char* address) {
    check(table.add(*traffic_rules::DomainName::parse(name),
                    {.address = *IpAddress::parse(address), .ttl_s = 5, .counter = 1}));
  };
  add("a.example", "192.0.2.1");
  add("a.example", "192.0.2.2");
  add("a.example", "2001:db8::1");
  add("*.b.example", "192.0.2.3");
  return table;
}

uint16_t get16(const std::vector<uint8_t>& bytes, size_t at) {
  check(at + 2 <= bytes.size());
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

// The offset behind a name that is a pointer or ends with its root label.
size_t skip_name(const std::vector<uint8_t>& bytes, size_t at) {
  for (;;) {
    check(at < bytes.size());
    if ((bytes[at] & 0xc0) == 0xc0) return at + 2;
    if (bytes[at] == 0) return at + 1;
    at += size_t{bytes[at]} + 1;
  }
}

void read_response(const std::vector<uint8_t>& response) {
  check(response.size() >= 12 && (response[2] & 0x80) != 0 && get16(response, 4) == 1);
  size_t at = skip_name(response, 12) + 4;
  const int records = get16(response, 6) + get16(response, 8) + get16(response, 10);
  for (int i = 0; i < records; ++i) {
    at = skip_name(response, at);
    at += size_t{10} + get16(response, at + 8);
  }
  check(at == response.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const DnsTable table = make_table();
  if (size < 1) return 0;
  // The first byte says how much room there is behind the query.
  const std::vector<uint8_t> query(data + 1, data + size);
  std::vector<uint8_t> message = query;
  message.resize(query.size() + data[0]);
  const auto answer = answer_dns(message, query.size(), table);
  if (!answer) {
    check(query.empty() || std::memcmp(message.data(), query.data(), query.size()) == 0);
    return 0;
  }
  check(answer->bytes <= message.size());
  message.resize(answer->bytes);
  read_response(message);
  return 0;
}
