#include "traffic-rules/protocol.h"

#include <strings.h>

#include <algorithm>
#include <charconv>

namespace sluice::traffic_rules {
namespace {

struct Protocol {
  std::string_view name;
  uint8_t number;  // IANA "Assigned Internet Protocol Numbers"
  bool ports;
};

constexpr Protocol kProtocols[] = {
    {"ICMP", 1, false},     {"IGMP", 2, false}, {"IPIP", 4, false},    {"TCP", 6, true},
    {"UDP", 17, true},      {"DCCP", 33, true}, {"IPV6", 41, false},   {"GRE", 47, false},
    {"ESP", 50, false},     {"AH", 51, false},  {"ICMPV6", 58, false}, {"SCTP", 132, true},
    {"UDPLITE", 136, true},
};

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

Result<uint8_t> parse_protocol(std::string_view text) {
  for (const auto& protocol : kProtocols) {
    if (same_name(protocol.name, text)) return protocol.number;
  }
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size() && number <= 255) {
    return static_cast<uint8_t>(number);
  }
  return fail(ErrorCode::kInvalidArgument,
              "'{}' is not a protocol (a number 0..255, or TCP, UDP, "
              "ICMP, ICMPV6, SCTP, ...)",
              text);
}

bool has_ports(uint8_t protocol) {
  return std::any_of(std::begin(kProtocols), std::end(kProtocols),
                     [=](const Protocol& p) { return p.number == protocol && p.ports; });
}

}  // namespace sluice::traffic_rules
