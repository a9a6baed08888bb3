// Ranges of addresses and ports: what the lists of a TrafficFilter are made of.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/net/ip_address.h"

namespace sluice::traffic_rules {

// An inclusive range of ports; the default is all of them.
struct PortRange {
  uint16_t low = 0;
  uint16_t high = 65535;

  // "80" or "8000-8080".
  static Result<PortRange> parse(std::string_view text);
  bool contains(uint16_t port) const { return low <= port && port <= high; }
  bool contains(const PortRange& inner) const { return low <= inner.low && inner.high <= high; }
  bool overlaps(const PortRange& other) const { return low <= other.high && other.low <= high; }
  auto operator<=>(const PortRange&) const = default;
};

// An inclusive range of addresses of one family.
struct IpRange {
  IpAddress low;
  IpAddress high;

  // MEC 011 §7.1.5.2: an address, an address with a mask ("10.0.0.0/8", "10.0.0.0/255.0.0.0"), or
  // a range of either ("10.0.0.1-10.0.0.9", "2001:db8::/48-2001:db8:f::/48", from the first address
  // of the left side to the last of the right). Bits of an address that its mask does not cover
  // are not compared: "10.1.2.3/8" is all of 10.0.0.0/8.
  static Result<IpRange> parse(std::string_view text);
  static IpRange of(const IpPrefix& prefix);

  bool is_v4() const { return low.is_v4(); }
  bool contains(const IpAddress& a) const {  // never across families
    return a.is_v4() == is_v4() && low <= a && a <= high;
  }
  bool operator==(const IpRange&) const = default;
};

// The fewest disjoint ranges that cover the same ports (addresses), in ascending order. Ranges that
// touch become one, so that two lists mean the same exactly when their merged forms are equal.
std::vector<PortRange> merged(std::vector<PortRange> ranges);
std::vector<IpRange> merged(std::vector<IpRange> ranges);

// The fewest prefixes that cover exactly the range, in ascending order: at most 62 for IPv4 and 254
// for IPv6.
std::vector<IpPrefix> prefixes_of(const IpRange& range);

}  // namespace sluice::traffic_rules
