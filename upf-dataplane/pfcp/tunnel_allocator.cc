#include "upf-dataplane/pfcp/tunnel_allocator.h"

#include <fmt/format.h>

#include <algorithm>

#include "upf-dataplane/pfcp/value_reader.h"

namespace sluice::upf::pfcp {

const GtpEndpoint* endpoint_for(std::span<const GtpEndpoint> endpoints,
                                const std::string& network_instance) {
  for (const std::string& wanted : {network_instance, std::string()}) {
    const auto found = std::ranges::find(endpoints, wanted, &GtpEndpoint::network_instance);
    if (found != endpoints.end()) return &*found;
  }
  return nullptr;
}

TunnelAllocator::~TunnelAllocator() {
  for (const Teid teid : allocated_) installer_.release_teid(teid);
}

Read<LocalFTeid> TunnelAllocator::choose(const FTeid& wish, const std::string& network_instance) {
  if (wish.choose_id) {
    const auto found = choices_.find(*wish.choose_id);
    if (found != choices_.end()) {
      const Choice& choice = found->second;
      if (choice.wish == wish && choice.network_instance == network_instance) return choice.made;
      return std::unexpected(
          ValueError{Cause::kInvalidFTeidAllocationOption,
                     fmt::format("CHOOSE ID {} is used with different wishes", *wish.choose_id)});
    }
  }
  const GtpEndpoint* endpoint = endpoint_for(endpoints_, network_instance);
  LocalFTeid made;
  if (endpoint != nullptr && wish.want_v4) made.v4 = endpoint->v4;
  if (endpoint != nullptr && wish.want_v6) made.v6 = endpoint->v6;
  if (!made.v4 && !made.v6) {
    return std::unexpected(
        ValueError{Cause::kNoResourcesAvailable, "no address of ours is of the kind asked for"});
  }
  const auto teid = installer_.allocate_teid();
  if (!teid) {
    return std::unexpected(ValueError{Cause::kNoResourcesAvailable, teid.error().to_string()});
  }
  allocated_.insert(*teid);
  made.teid = *teid;
  if (wish.choose_id) choices_[*wish.choose_id] = {network_instance, wish, made};
  return made;
}

Read<LocalFTeid> TunnelAllocator::verify(const FTeid& given) const {
  if (given.teid.value() == 0) return incorrect("TEID 0 is not a tunnel's");
  const auto is_ours = [&](const auto& address, auto GtpEndpoint::* member) {
    return !address || std::ranges::find(endpoints_, address, member) != endpoints_.end();
  };
  if (!is_ours(given.v4, &GtpEndpoint::v4) || !is_ours(given.v6, &GtpEndpoint::v6)) {
    return incorrect("names an address that is not this UPF's");
  }
  return LocalFTeid{given.teid, given.v4, given.v6};
}

}  // namespace sluice::upf::pfcp
