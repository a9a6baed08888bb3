// Any bytes as a flow description: refused with a place and a reason, or read into a filter that
// cannot match more than its text says.
//
// Links upf-dataplane/pfcp/ip_filter_rule.cc, base/net/ip_address.cc, base/error.cc.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "upf-dataplane/pfcp/ip_filter_rule.h"

using namespace sluice;
using namespace sluice::upf;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_side(const std::optional<IpPrefix>& prefix, const std::vector<PortRange>& ports,
                std::optional<uint8_t> protocol) {
  if (prefix) require(prefix->network() == prefix->address());
  require(ports.size() <= pfcp::kMaxPortRanges);
  for (const auto& range : ports) require(range.low <= range.high);
  if (!ports.empty()) require(protocol == 6 || protocol == 17 || protocol == 132);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto filter = pfcp::parse_ip_filter_rule(text);
  if (!filter) {
    require(filter.error().message.starts_with("at "));
    return 0;
  }
  require(text.find("permit") != text.npos && text.find("out") != text.npos);
  check_side(filter->remote, filter->remote_ports, filter->protocol);
  check_side(filter->local, filter->local_ports, filter->protocol);
  // What says neither "any" nor "assigned" twice has to have an address.
  if (!filter->remote) require(text.find("any") != text.npos);
  if (!filter->protocol) require(text.find(" ip ") != text.npos);
  return 0;
}
