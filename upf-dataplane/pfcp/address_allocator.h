// UE addresses for one request, given back unless it succeeds. As a session has one address of a
// family, all PDRs of it that ask for one get the same.
#pragma once

#include <string>
#include <vector>

#include "upf-dataplane/pfcp/ue_address_pools.h"
#include "upf-dataplane/session/model.h"

namespace sluice::upf::pfcp {

class AddressAllocator {
 public:
  // `held`: what the session was given before. `pools` has to outlive this.
  AddressAllocator(UeAddressPools& pools, const UeAddress& held, UeAddressPools::IsTaken is_taken)
      : pools_(pools), is_taken_(std::move(is_taken)), given_(held) {}
  AddressAllocator(const AddressAllocator&) = delete;
  AddressAllocator& operator=(const AddressAllocator&) = delete;
  ~AddressAllocator() {
    for (const IpPrefix& prefix : allocated_) pools_.release(prefix);
  }

  // What the element asks for (CHV4, CHV6).
  Read<UeAddress> choose(const UeIpAddress& wish, const std::string& network_instance,
                         const std::vector<std::string>& pool_names);

  // What the session has been given, now or earlier; the caller's from now on.
  UeAddress keep() {
    allocated_.clear();
    return given_;
  }

 private:
  UeAddressPools& pools_;
  UeAddressPools::IsTaken is_taken_;
  UeAddress given_;
  std::vector<IpPrefix> allocated_;
};

}  // namespace sluice::upf::pfcp
