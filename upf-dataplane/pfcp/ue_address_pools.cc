#include "upf-dataplane/pfcp/ue_address_pools.h"

#include <algorithm>
#include <cstring>
#include <set>

namespace sluice::upf::pfcp {
namespace {

// Addresses that SMFs chose from our pools are passed over, at most so many at a time.
constexpr int kMostPassedOver = 4096;

uint64_t upper_bits(const IpAddress& address) {
  return address.is_v4() ? uint64_t{address.v4().value()} << 32 : address.v6().upper64();
}

IpPrefix prefix_of(uint64_t upper, bool is_v4, unsigned length) {
  if (is_v4) {
    return IpPrefix::make(Ipv4Address(static_cast<uint32_t>(upper >> 32)), length).value();
  }
  std::array<uint8_t, 16> bytes{};
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(upper >> (56 - 8 * i));
  return IpPrefix::make(Ipv6Address(bytes), length).value();
}

Result<void> check_prefixes(const UeAddressPoolConfig& pool, std::vector<IpPrefix>& seen) {
  const auto check_one = [&](const IpPrefix& prefix, bool v4, const char* key) -> Result<void> {
    const unsigned longest = v4 ? 30 : pool.v6_length;
    if (prefix.is_v4() != v4 || prefix.length() > longest || prefix.length() < 8) {
      return bad_field(key, "{} is no {} prefix of 8 to {} bits", prefix.to_string(),
                       v4 ? "IPv4" : "IPv6", longest);
    }
    const auto overlaps = [&](const IpPrefix& other) {
      return prefix.contains(other) || other.contains(prefix);
    };
    if (std::ranges::any_of(seen, overlaps)) {
      return bad_field(key, "{} overlaps another", prefix.to_string());
    }
    seen.push_back(prefix);
    return {};
  };
  for (const IpPrefix& prefix : pool.v4) {
    if (auto good = check_one(prefix, true, "v4"); !good) return good;
  }
  for (const IpPrefix& prefix : pool.v6) {
    if (auto good = check_one(prefix, false, "v6"); !good) return good;
  }
  return {};
}

}  // namespace

Result<void> check(const std::vector<UeAddressPoolConfig>& pools) {
  std::vector<IpPrefix> seen;
  std::set<std::string> names;
  for (const auto& pool : pools) {
    if (pool.name.empty() || !names.insert(pool.name).second) {
      return bad_field("name", "'{}' is empty or used twice", pool.name);
    }
    if (pool.v6_length < 8 || pool.v6_length > 64) {
      return bad_field("v6_length", "has to be 8 to 64, got {}", pool.v6_length);
    }
    if (auto good = check_prefixes(pool, seen); !good) return good;
  }
  return {};
}

UeAddressPools::UeAddressPools(std::vector<UeAddressPoolConfig> config)
    : config_(std::move(config)) {
  for (size_t i = 0; i < config_.size(); ++i) {
    Pool pool{.config = i};
    for (const IpPrefix& prefix : config_[i].v4) {
      const uint64_t size = uint64_t{1} << (32 - prefix.length());
      pool.v4.push_back({.whole = prefix, .unit = 32, .next = 1, .end = size - 1});
    }
    for (const IpPrefix& prefix : config_[i].v6) {
      const unsigned unit = config_[i].v6_length;
      pool.v6.push_back({.whole = prefix,
                         .unit = unit,
                         .next = 0,
                         .end = uint64_t{1} << (unit - prefix.length())});
    }
    pools_.push_back(std::move(pool));
  }
}

std::optional<IpPrefix> UeAddressPools::take(Range& range, const IsTaken& is_taken) {
  const bool is_v4 = range.whole.is_v4();
  for (int i = 0; i < kMostPassedOver; ++i) {
    uint64_t number = 0;
    if (range.next < range.end) {
      number = range.next++;
    } else if (!range.freed.empty()) {
      number = range.freed.front();
      range.freed.pop_front();
    } else {
      return std::nullopt;
    }
    const uint64_t upper = upper_bits(range.whole.network()) + (number << (64 - range.unit));
    const IpPrefix unit = prefix_of(upper, is_v4, range.unit);
    if (!is_taken(unit)) return unit;
    range.freed.push_back(number);
  }
  return std::nullopt;
}

Read<IpPrefix> UeAddressPools::allocate(bool is_v6, unsigned v6_length,
                                        const std::string& network_instance,
                                        const std::vector<std::string>& names,
                                        const IsTaken& is_taken) {
  bool exists = false;
  // Pools of the network instance go before those for all.
  for (const bool specific : {true, false}) {
    for (Pool& pool : pools_) {
      const UeAddressPoolConfig& config = config_[pool.config];
      const bool serves =
          !names.empty() ? specific && std::ranges::find(names, config.name) != names.end()
          : specific
              ? !config.network_instance.empty() && config.network_instance == network_instance
              : config.network_instance.empty();
      if (!serves || (is_v6 && config.v6_length != v6_length)) continue;
      for (Range& range : is_v6 ? pool.v6 : pool.v4) {
        exists = true;
        if (auto unit = take(range, is_taken)) {
          ++in_use_;
          return *unit;
        }
      }
    }
  }
  if (exists) {
    return std::unexpected(
        ValueError{Cause::kAllDynamicAddressesOccupied, "no address of the pool is free"});
  }
  return std::unexpected(
      ValueError{Cause::kServiceNotSupported,
                 is_v6 ? fmt::format("no pool gives out IPv6 prefixes of {} bits for it", v6_length)
                       : std::string("no pool gives out IPv4 addresses for it")});
}

void UeAddressPools::release(const IpPrefix& allocated) {
  for (Pool& pool : pools_) {
    for (Range& range : allocated.is_v4() ? pool.v4 : pool.v6) {
      if (!range.whole.contains(allocated)) continue;
      const uint64_t offset = upper_bits(allocated.network()) - upper_bits(range.whole.network());
      range.freed.push_back(offset >> (64 - range.unit));
      --in_use_;
      return;
    }
  }
}

}  // namespace sluice::upf::pfcp
