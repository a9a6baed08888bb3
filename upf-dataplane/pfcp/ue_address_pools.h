// UE addresses that this UPF chooses (TS 29.244 §5.21): pools by network instance.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/net/ip_address.h"
#include "upf-dataplane/pfcp/cause.h"
#include "upf-dataplane/pfcp/values.h"

namespace sluice::upf::pfcp {

struct UeAddressPoolConfig {
  std::string name;                   // its UE IP Address Pool Identity
  std::string network_instance = {};  // only for PDRs of this one; empty: for all others
  std::vector<IpPrefix> v4 = {};      // addresses to choose from, network and broadcast excepted
  std::vector<IpPrefix> v6 = {};      // to choose prefixes from
  unsigned v6_length = 64;            // of the prefixes that are given out; at most 64
};

// What is wrong with pools, naming the member: a prefix of the wrong family or too short for what
// is given out, prefixes that overlap, names used twice.
Result<void> check(const std::vector<UeAddressPoolConfig>& pools);

class UeAddressPools {
 public:
  // The configuration has passed check().
  explicit UeAddressPools(std::vector<UeAddressPoolConfig> config);

  // Whether a session has an address that nobody allocated: an SMF chose it.
  using IsTaken = std::function<bool(const IpPrefix&)>;
  // An address or prefix from the first pool that has one: of those named, or without names of
  // those for the network instance. It is not given out again before it was released, and then as
  // late as possible. `v6_length` has to be what the pool gives out. kAllDynamicAddressesOccupied
  // when they are used up, kServiceNotSupported when there is no such pool.
  Read<IpPrefix> allocate(bool is_v6, unsigned v6_length, const std::string& network_instance,
                          const std::vector<std::string>& names, const IsTaken& is_taken);
  // Gives back what allocate() gave.
  void release(const IpPrefix& allocated);

  bool empty() const { return pools_.empty(); }
  const std::vector<UeAddressPoolConfig>& config() const { return config_; }
  size_t in_use() const { return in_use_; }

 private:
  // Units (addresses, or prefixes of `unit` bits) of one configured prefix, by number.
  struct Range {
    IpPrefix whole;
    unsigned unit = 32;
    uint64_t next = 0;  // numbers from here on were never given out
    uint64_t end = 0;
    std::deque<uint64_t> freed = {};  // longest ago first
  };
  struct Pool {
    size_t config = 0;
    std::vector<Range> v4 = {}, v6 = {};
  };

  static std::optional<IpPrefix> take(Range& range, const IsTaken& is_taken);

  std::vector<UeAddressPoolConfig> config_;
  std::vector<Pool> pools_;
  size_t in_use_ = 0;
};

}  // namespace sluice::upf::pfcp
