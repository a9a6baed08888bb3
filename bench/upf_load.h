// A site full of users and rules, and the frames that the users send: what the benchmarks of the
// packet path feed it with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {

struct LoadOptions {
  bool downlink = false;
  bool dns = false;           // queries for names with a rule, answered in place
  bool is_inline = false;     // in the wire before a core; uplink only
  uint16_t server_port = 80;  // no rule is about another
  uint32_t sessions = 10'000;
  uint32_t rules = 1'000;
  uint32_t inner_bytes = 64;  // of the user's IP packet
  uint32_t rule_shapes = 1;   // combinations of filter fields that the rules use, 1..8
  std::string mac;            // of all ports
};

class Load {
 public:
  explicit Load(LoadOptions options);

  // One of each user, in an order of their own.
  const std::vector<std::vector<uint8_t>>& frames() const { return frames_; }
  double bytes_per_session() const;

  // The port that they come by.
  PortIndex way_in() const { return options_.downlink ? testing::kN6 : testing::kN3; }

 private:
  const LoadOptions options_;
  const MacAddress mac_;

 public:
  testing::TestSite site;

 private:
  std::vector<std::vector<uint8_t>> frames_;
  size_t session_bytes_ = 0;
};

}  // namespace sluice::upf
