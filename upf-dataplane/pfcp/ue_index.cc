#include "upf-dataplane/pfcp/ue_index.h"

namespace sluice::upf::pfcp {
namespace {

IpPrefix masked(const IpPrefix& prefix) {
  return IpPrefix::make(prefix.network(), prefix.length()).value();
}

template <typename Visit>
void each_address(const SessionSpec& spec, Visit visit) {
  for (const auto& [id, pdr] : spec.pdrs) {
    if (pdr.ue && pdr.ue->v4) visit(IpPrefix::make(*pdr.ue->v4, 32).value());
    if (pdr.ue && pdr.ue->v6) visit(masked(*pdr.ue->v6));
    for (const IpPrefix& route : pdr.framed_routes) visit(masked(route));
  }
}

}  // namespace

void UeIndex::add(const SessionSpec& spec) {
  each_address(spec,
               [&](const IpPrefix& prefix) { by_prefix_.insert_or_assign(prefix, spec.seid); });
}

void UeIndex::remove(const SessionSpec& spec) {
  each_address(spec, [&](const IpPrefix& prefix) {
    const auto found = by_prefix_.find(prefix);
    if (found != by_prefix_.end() && found->second == spec.seid) by_prefix_.erase(found);
  });
}

void UeIndex::each_holder(const SessionSpec& spec, const std::function<void(Seid)>& visit) const {
  each_address(spec, [&](const IpPrefix& prefix) {
    if (const auto found = by_prefix_.find(prefix); found != by_prefix_.end()) {
      visit(found->second);
    }
  });
}

}  // namespace sluice::upf::pfcp
