// The configuration of `sluice-lab ran`.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/net/ip_address.h"
#include "lab/smf.h"

namespace sluice::lab {

// How UE number N looks: everything follows from N, so that a test can compute what it expects.
struct UePattern {
  unsigned count = 1;                    // ues.count: UEs 1..count exist from the start
  std::string netns;                     // ues.netns: "{}" stands for N; empty: this namespace
  std::string device = "uesim0";         // ues.device
  int mtu = 1400;                        // ues.mtu, octets, 1280..1500
  IpPrefix pool_v4;                      // ues.pool_v4: UE N is network + N, /32
  IpPrefix pool_v6;                      // ues.pool_v6: UE N has the N-th /64, and its ::1
  uint8_t qfi = 9;                       // ues.qfi, 0..63
  std::string dnn = "internet";          // ues.dnn
  bool outer_v4 = true;                  // ues.outer: ipv4 or ipv6, the family of the tunnels
  std::vector<std::string> sdf_filters;  // ues.sdf: IPFilterRules, empty: all traffic

  std::string netns_of(UeNumber ue) const;
  std::string device_of(UeNumber ue) const;
  Ipv4Address v4_of(UeNumber ue) const;
  IpPrefix v6_of(UeNumber ue) const;  // the UE's address with its /64
  // The largest number for which both pools have room, at most 65535.
  uint32_t last_number() const;
};

struct RanConfig {
  std::vector<IpAddress> gnb_addresses;  // gnb.addresses: N3, one of each family at most
  SmfConfig smf;                         // smf.address, smf.upf, smf.heartbeat_ms
  UePattern ues;
  std::string control_socket;      // control.socket: path; empty: none
  std::string log_level = "info";  // log.level
};

// The error names every wrong key with its line and column.
Result<RanConfig> read_ran_config(const std::string& path);
// As above, from text; `name` appears in errors.
Result<RanConfig> parse_ran_config(const std::string& name, const std::string& text);

}  // namespace sluice::lab
