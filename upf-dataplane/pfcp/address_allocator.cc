#include "upf-dataplane/pfcp/address_allocator.h"

namespace sluice::upf::pfcp {

Read<UeAddress> AddressAllocator::choose(const UeIpAddress& wish,
                                         const std::string& network_instance,
                                         const std::vector<std::string>& pool_names) {
  UeAddress chosen;
  for (const bool is_v6 : {false, true}) {
    if (!(is_v6 ? wish.choose_v6 : wish.choose_v4)) continue;
    if (!(is_v6 ? given_.v6.has_value() : given_.v4.has_value())) {
      auto prefix =
          pools_.allocate(is_v6, wish.choose_v6_length, network_instance, pool_names, is_taken_);
      if (!prefix) return std::unexpected(prefix.error());
      allocated_.push_back(*prefix);
      if (is_v6) {
        given_.v6 = *prefix;
      } else {
        given_.v4 = prefix->address().v4();
      }
    }
    if (is_v6) {
      chosen.v6 = given_.v6;
    } else {
      chosen.v4 = given_.v4;
    }
  }
  return chosen;
}

}  // namespace sluice::upf::pfcp
