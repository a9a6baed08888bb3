// F-TEIDs for one request: chosen by us or checked against what is ours, and given back unless the
// request succeeds.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <set>
#include <span>
#include <string>

#include "upf-dataplane/pfcp/n4_config.h"
#include "upf-dataplane/session/session_installer.h"

namespace sluice::upf::pfcp {

// The first of `endpoints` for the network instance, else the first for all; nullptr when neither
// exists.
const GtpEndpoint* endpoint_for(std::span<const GtpEndpoint> endpoints,
                                const std::string& network_instance);

class TunnelAllocator {
 public:
  TunnelAllocator(std::span<const GtpEndpoint> endpoints, SessionInstaller& installer)
      : endpoints_(endpoints), installer_(installer) {}
  TunnelAllocator(const TunnelAllocator&) = delete;
  TunnelAllocator& operator=(const TunnelAllocator&) = delete;
  ~TunnelAllocator();  // gives back what keep() did not hand over

  // §5.5.3: the F-TEID that an element asks for. PDRs of one request with the same CHOOSE ID get
  // the same. Of the IP versions wanted, those that the endpoint has are given, at least one.
  Read<LocalFTeid> choose(const FTeid& wish, const std::string& network_instance);

  // An F-TEID that the SMF chose: its addresses have to be ours and its TEID not zero.
  Read<LocalFTeid> verify(const FTeid& given) const;

  // The TEIDs allocated so far belong to the caller.
  std::set<Teid> keep() { return std::exchange(allocated_, {}); }

 private:
  struct Choice {
    std::string network_instance;
    FTeid wish;
    LocalFTeid made;
  };

  std::span<const GtpEndpoint> endpoints_;
  SessionInstaller& installer_;
  std::set<Teid> allocated_;
  std::map<uint8_t, Choice> choices_;  // by CHOOSE ID
};

}  // namespace sluice::upf::pfcp
