#include "upf-dataplane/steer/forwarding_table.h"

namespace sluice::upf {

void Port::prepare() {
  networks.clear();
  for (const auto& own : addresses) {
    const auto& bytes = own.address().v6().bytes();
    if (own.is_v4() && !has_v4) {
      std::copy_n(bytes.begin() + 12, 4, wire_v4.begin());
      has_v4 = true;
    } else if (!own.is_v4() && !has_v6) {
      wire_v6 = bytes;
      has_v6 = true;
    }
    Network network{};
    set_address_mask(own, network.value.data(), network.mask.data());
    networks.push_back(network);
  }
}

}  // namespace sluice::upf
