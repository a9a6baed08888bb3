#include "upf-dataplane/pfcp/ue_index.h"

namespace sluice::upf::pfcp {
namespace {

constexpr unsigned kUePrefixBits = 64;

template <typename Visit>
void each_address(const SessionSpec& spec, Visit visit) {
  for (const auto& [id, pdr] : spec.pdrs) {
    if (!pdr.ue) continue;
    if (pdr.ue->v4) visit(IpAddress(*pdr.ue->v4));
    if (pdr.ue->v6) visit(IpPrefix::make(pdr.ue->v6->address(), kUePrefixBits).value().network());
  }
}

}  // namespace

void UeIndex::add(const SessionSpec& spec) {
  each_address(spec,
               [&](const IpAddress& address) { by_address_.insert_or_assign(address, spec.seid); });
}

void UeIndex::remove(const SessionSpec& spec) {
  each_address(spec, [&](const IpAddress& address) {
    const auto found = by_address_.find(address);
    if (found != by_address_.end() && found->second == spec.seid) by_address_.erase(found);
  });
}

void UeIndex::each_holder(const SessionSpec& spec, const std::function<void(Seid)>& visit) const {
  each_address(spec, [&](const IpAddress& address) {
    if (const auto found = by_address_.find(address); found != by_address_.end()) {
      visit(found->second);
    }
  });
}

}  // namespace sluice::upf::pfcp
