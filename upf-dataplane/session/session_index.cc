#include "upf-dataplane/session/session_index.h"

#include <bit>
#include <cstring>

namespace sluice::upf {

SessionIndex::SessionIndex(size_t tunnels, Reclaimer& reclaimer)
    : tunnel_mask_(std::bit_ceil(tunnels) - 1),
      tunnels_(tunnel_mask_ + 1),
      allocated_(tunnel_mask_ + 1),
      free_(tunnel_mask_ + 1),
      free_count_(tunnels),
      foreign_teids_(tunnels, reclaimer),
      by_v4_(tunnels, reclaimer),
      by_v6_(tunnels, reclaimer),
      prefixes_(tunnels, reclaimer) {
  for (uint32_t slot = 0; slot < tunnels; ++slot) free_[slot] = slot;
}

Result<Teid> SessionIndex::allocate_teid() {
  if (free_count_ == 0) return fail(ErrorCode::kResourceExhausted, "all tunnels are in use");
  const uint32_t slot = free_[free_head_];
  free_head_ = (free_head_ + 1) & tunnel_mask_;
  --free_count_;
  allocated_[slot] = true;
  const uint32_t step = static_cast<uint32_t>(tunnel_mask_) + 1;  // the generation's lowest bit
  uint32_t teid = tunnels_[slot].teid.load(std::memory_order_relaxed);
  if (teid == 0) teid = slot;
  do {
    teid += step;
    // 0, of slot 0 after its last generation, is no TEID; others may be an SMF's choice.
  } while (teid == 0 || foreign_teids_.find(teid) != nullptr);
  tunnels_[slot].teid.store(teid, std::memory_order_release);
  return Teid(teid);
}

bool SessionIndex::is_allocated(Teid teid) const {
  const size_t slot = teid.value() & tunnel_mask_;
  return allocated_[slot] && tunnels_[slot].teid.load(std::memory_order_relaxed) == teid.value();
}

void SessionIndex::release_teid(Teid teid) {
  if (!is_allocated(teid)) return;
  const auto slot = static_cast<uint32_t>(teid.value() & tunnel_mask_);
  tunnels_[slot].session.store(nullptr, std::memory_order_release);
  allocated_[slot] = false;
  free_[(free_head_ + free_count_) & tunnel_mask_] = slot;
  ++free_count_;
}

bool SessionIndex::set_teid(Teid teid, const Session* session) {
  if (!is_allocated(teid)) return set(foreign_teids_, teid.value(), session);
  tunnels_[teid.value() & tunnel_mask_].session.store(session, std::memory_order_release);
  return true;
}

namespace {

uint32_t raw_v4(const IpPrefix& host) {
  uint32_t raw;
  std::memcpy(&raw, host.address().v6().bytes().data() + 12, 4);
  return raw;
}

uint64_t raw_upper(const IpPrefix& prefix) {
  uint64_t raw;
  std::memcpy(&raw, prefix.address().v6().bytes().data(), 8);
  return raw;
}

}  // namespace

bool SessionIndex::set_prefix(const IpPrefix& prefix, const Session* session) {
  if (PrefixIndex::can_hold(prefix)) return prefixes_.set(prefix, session);
  return prefix.is_v4() ? set_v4(raw_v4(prefix), session) : set_v6(raw_upper(prefix), session);
}

const Session* SessionIndex::at_prefix(const IpPrefix& prefix) const {
  if (PrefixIndex::can_hold(prefix)) return prefixes_.at(prefix);
  return prefix.is_v4() ? find_v4(raw_v4(prefix)) : find_v6(raw_upper(prefix));
}

size_t SessionIndex::bytes() const {
  return (tunnel_mask_ + 1) * (sizeof(Tunnel) + sizeof(uint32_t)) + foreign_teids_.bytes() +
         by_v4_.bytes() + by_v6_.bytes() + prefixes_.bytes();
}

}  // namespace sluice::upf
