#include "upf-dataplane/control/tunnel_learner.h"

#include <algorithm>

#include "upf-dataplane/steer/forwarding_table.h"

namespace sluice::upf {
namespace {

bool is_v4(const std::array<uint8_t, 16>& mapped) { return IpAddress(Ipv6Address(mapped)).is_v4(); }

uint32_t raw_v4(const std::array<uint8_t, 16>& mapped) {
  uint32_t raw;
  std::memcpy(&raw, mapped.data() + 12, 4);
  return raw;
}

uint64_t raw_upper(const std::array<uint8_t, 16>& address) {
  uint64_t raw;
  std::memcpy(&raw, address.data(), 8);
  return raw;
}

// What a user's packets are treated by when a rule takes them: nothing is asked of them but their
// address, and what comes for the user leaves by the learned tunnel.
Session::Parts session_parts(const LearnedTunnels& table, const LearnedTunnel& known,
                             uint32_t version) {
  CompiledPdr uplink{.in_ports = static_cast<uint16_t>(1U << table.ran()),
                     .forward = true,
                     .out_port = table.core(),
                     .id = 1};
  CompiledPdr downlink{.in_ports = 0xffff,
                       .forward = true,
                       .encapsulate = true,
                       .out_port = table.ran(),
                       .peer_hop = kNoNextHop,
                       .id = 2};
  Session::Parts parts{.version = version, .slot = known.slot, .serial = version};
  if (is_v4(known.owner.ue)) {
    parts.ue_v4 = raw_v4(known.owner.ue);
  } else {
    parts.ue_v6 = raw_upper(known.owner.ue);
  }
  parts.uplink = {uplink};
  parts.downlink = {downlink};
  return parts;
}

}  // namespace

size_t TunnelLearner::Hash::operator()(const Address& address) const {
  return std::hash<IpAddress>{}(IpAddress(Ipv6Address(address)));
}

size_t TunnelLearner::Hash::operator()(const TunnelEnd& end) const {
  return (*this)(end.address) * 31 + end.teid;
}

TunnelLearner::TunnelLearner(SharedState& shared, Reclaimer& reclaimer, CounterBank& counters,
                             const Clock& clock, std::chrono::milliseconds idle, size_t workers)
    : shared_(shared),
      table_(*shared.learned),
      reclaimer_(reclaimer),
      counters_(counters),
      clock_(clock),
      idle_(idle),
      entries_(table_.capacity()),
      free_slots_(std::make_shared<std::vector<uint32_t>>()) {
  for (size_t i = 0; i < workers; ++i) {
    queues_.push_back(std::make_unique<SightQueue>(shared.ticks_per_second));
  }
  for (auto slot = static_cast<uint32_t>(table_.capacity()); slot > 0; --slot) {
    free_slots_->push_back(slot - 1);
  }
}

TunnelLearner::~TunnelLearner() {
  for (uint32_t slot = 0; slot < entries_.size(); ++slot) {
    if (entries_[slot]) forget(slot);
  }
}

uint64_t TunnelLearner::lost() const {
  uint64_t sum = 0;
  for (const auto& queue : queues_) sum += queue->lost();
  return sum;
}

void TunnelLearner::learn() {
  sights_.clear();
  for (const auto& queue : queues_) {
    queue->drain([this](const SightQueue::Entry& entry) { sights_.push_back(entry); });
  }
  // What several workers saw, in the order in which it passed.
  std::ranges::stable_sort(sights_, {}, &SightQueue::Entry::at);
  for (const auto& entry : sights_) take(entry.sight);
}

void TunnelLearner::take(const TunnelSight& sight) {
  if (sight.kind == TunnelSight::Kind::kEnded) {
    const auto found = by_downlink_.find({sight.ran, sight.teid});
    if (found == by_downlink_.end()) return;
    for (const uint32_t slot : std::set(found->second)) {
      Entry& entry = *entries_[slot];
      if (entry.known.owner.core == sight.owner.core) end_downlink(entry);
    }
    return;
  }
  Entry* entry = find_or_add(sight);
  if (entry == nullptr) {
    ++statistics_.refused;
  } else if (sight.kind == TunnelSight::Kind::kUplink) {
    take_uplink(*entry, sight);
  } else {
    take_downlink(*entry, sight);
  }
}

void TunnelLearner::take_uplink(Entry& entry, const TunnelSight& sight) {
  LearnedTunnel& known = entry.known;
  const bool is_new = known.uplink_teid == 0;
  if (!is_new && known.uplink_teid == sight.teid && known.uplink_ran == sight.ran) return;
  if (!is_new) ++statistics_.moved;
  // Another tunnel may be another session, that of another user even; another base station has
  // another tunnel downlink, unless it is the one that was just learned.
  if (!is_new && (known.uplink_teid != sight.teid || known.downlink.address != sight.ran)) {
    end_downlink(entry);
  }
  known.uplink_teid = sight.teid;
  known.uplink_ran = sight.ran;
  publish(entry);
}

void TunnelLearner::take_downlink(Entry& entry, const TunnelSight& sight) {
  LearnedTunnel& known = entry.known;
  if (known.fits(sight)) return;
  const TunnelEnd end{sight.ran, sight.teid};
  // A tunnel is one session's: of at most an address of each family. Others have lost it.
  if (const auto sharing = by_downlink_.find(end); sharing != by_downlink_.end()) {
    for (const uint32_t slot : std::set(sharing->second)) {
      Entry& other = *entries_[slot];
      const bool is_same_session = other.known.owner.core == known.owner.core &&
                                   is_v4(other.known.owner.ue) != is_v4(known.owner.ue);
      if (&other != &entry && !is_same_session) end_downlink(other);
    }
  }
  ++(known.downlink.teid == 0 ? statistics_.learned : statistics_.moved);
  set_downlink(entry, end);
  known.outer_is_v6 = sight.outer_is_v6;
  known.has_qfi = sight.has_qfi;
  known.qfi = sight.qfi;
  known.tos = sight.tos;
  known.link = sight.link;
  publish(entry);
}

TunnelLearner::Entry* TunnelLearner::find_or_add(const TunnelSight& sight) {
  const uint64_t key = table_.key_of(sight.owner);
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    Entry* entry = entries_[found->second].get();
    return entry->known.owner == sight.owner ? entry : nullptr;
  }
  // What the core sends is about users it has; what comes from the other side may name anybody.
  const bool is_doubtful = sight.kind == TunnelSight::Kind::kUplink &&
                           half_known_ >= table_.capacity() / kShareOfHalfKnown + 1;
  if (free_slots_->empty() || is_doubtful || !is_welcome(sight.owner) || !make_room(sight)) {
    return nullptr;
  }
  const uint32_t slot = free_slots_->back();
  free_slots_->pop_back();
  auto& entry = entries_[slot] = std::make_unique<Entry>();
  entry->key = key;
  entry->known.owner = sight.owner;
  entry->known.slot = slot;
  entry->session =
      Session::make(session_parts(table_, entry->known, ++last_version_), shared_.session_memory);
  entry->known.session = entry->session.get();
  entry->seen = seen(slot);
  entry->last_seen = entry->half_since = clock_.now();
  ++half_known_;
  by_key_.emplace(key, slot);
  by_ue_[sight.owner.ue].slots.insert(slot);
  ++statistics_.learned;
  return entry.get();
}

// Whether one more may have the address; in the place of one whom only the uplink has named, when
// it is the core that names the new one.
bool TunnelLearner::make_room(const TunnelSight& sight) {
  const auto sharing = by_ue_.find(sight.owner.ue);
  if (sharing == by_ue_.end() || sharing->second.slots.size() < kMostOfAddress) return true;
  if (sight.kind == TunnelSight::Kind::kUplink) return false;
  const auto& slots = sharing->second.slots;
  const auto doubtful = std::ranges::find_if(
      slots, [this](uint32_t slot) { return entries_[slot]->known.downlink.teid == 0; });
  if (doubtful == slots.end()) return false;
  ++statistics_.refused;
  forget(*doubtful);
  return true;
}

// Addresses of the site's own networks are nobody's beyond the wire.
bool TunnelLearner::is_welcome(const TunnelOwner& owner) const {
  const IpAddress ue(Ipv6Address(owner.ue));
  const auto* forwarding = shared_.forwarding.load(std::memory_order_acquire);
  return std::ranges::none_of(forwarding->ports, [&](const Port& port) {
    return port.on_link(ue) != nullptr || port.owns(ue);
  });
}

void TunnelLearner::set_downlink(Entry& entry, const TunnelEnd& end) {
  LearnedTunnel& known = entry.known;
  if (known.downlink == end) return;
  if (known.downlink.teid != 0) {
    const auto found = by_downlink_.find(known.downlink);
    found->second.erase(known.slot);
    if (found->second.empty()) by_downlink_.erase(found);
  }
  known.downlink = end;
  if (end.teid != 0) by_downlink_[end].insert(known.slot);
}

void TunnelLearner::end_downlink(Entry& entry) {
  if (entry.known.downlink.teid == 0) return;
  ++statistics_.ended;
  entry.half_since = clock_.now();
  set_downlink(entry, {});
  publish(entry);
}

void TunnelLearner::publish_all(const Address& ue, const Entry* but) {
  for (const uint32_t slot : by_ue_.at(ue).slots) {
    Entry* entry = entries_[slot].get();  // null: it is being forgotten
    if (entry != nullptr && entry != but && !entry->is_half) publish(*entry);
  }
}

bool TunnelLearner::is_alone(const Entry& entry) const {
  return by_ue_.at(entry.known.owner.ue).known == (entry.is_half ? 0U : 1U);
}

void TunnelLearner::publish(Entry& entry) {
  LearnedTunnel& known = entry.known;
  Sharing& sharing = by_ue_.at(known.owner.ue);
  const size_t known_before = sharing.known;
  const bool was_steerable = entry.published && entry.published->is_steerable;
  const bool is_half = known.uplink_teid == 0 || known.downlink.teid == 0;
  half_known_ += is_half ? 1U : 0U;
  half_known_ -= entry.is_half ? 1U : 0U;
  sharing.known += entry.is_half ? 1U : 0U;
  sharing.known -= is_half ? 1U : 0U;
  entry.is_half = is_half;
  known.is_steerable = !is_half && is_alone(entry);
  steerable_ += known.is_steerable ? 1U : 0U;
  steerable_ -= was_steerable ? 1U : 0U;
  auto next = std::make_unique<const LearnedTunnel>(known);
  if (!table_.set(entry.key, known.slot, next.get())) {
    // Places of users who were just forgotten rest for a grace period. Nothing leads to this one.
    ++statistics_.refused;
  }
  // By address the user is found while the address leads to one user only.
  auto& index = shared_.sessions;
  const Session* session = known.is_steerable ? known.session : nullptr;
  if (session != nullptr || was_steerable) {
    is_v4(known.owner.ue) ? index.set_v4(raw_v4(known.owner.ue), session)
                          : index.set_v6(raw_upper(known.owner.ue), session);
  }
  if (entry.published) {
    reclaimer_.retire([old = std::move(entry.published)]() mutable { old.reset(); });
  }
  entry.published = std::move(next);
  // Whoever was alone with the address is not any more, or is again.
  if (std::max(known_before, sharing.known) == 2 && known_before != sharing.known) {
    publish_all(known.owner.ue, &entry);
  }
}

void TunnelLearner::forget(uint32_t slot) {
  const std::unique_ptr<Entry> entry = std::move(entries_[slot]);
  const Address ue = entry->known.owner.ue;
  if (on_end_) on_end_(IpAddress(Ipv6Address(ue)), entry->session->serial());
  set_downlink(*entry, {});
  entry->known.uplink_teid = 0;
  publish(*entry);  // out of the index by address
  table_.set(entry->key, slot, nullptr);
  by_key_.erase(entry->key);
  --half_known_;
  const auto sharing = by_ue_.find(ue);
  sharing->second.slots.erase(slot);
  if (sharing->second.slots.empty()) by_ue_.erase(sharing);
  reclaimer_.retire([slot, slots = free_slots_, &counters = counters_,
                     session = std::move(entry->session),
                     last = std::move(entry->published)]() mutable {
    counters.each([slot](WorkerCounters& worker) {
      SessionCounters& c = worker.sessions[slot];
      for (auto* counter : {&c.uplink, &c.downlink}) {
        counter->packets.reset();
        counter->bytes.reset();
      }
      worker.seen[slot].reset();
    });
    session.reset();
    slots->push_back(slot);
  });
}

uint64_t TunnelLearner::seen(uint32_t slot) const {
  return counters_.count([slot](const auto& w) -> const Counter& { return w.seen[slot]; });
}

void TunnelLearner::look_at(uint32_t slot) {
  if (!entries_[slot]) return;
  Entry& entry = *entries_[slot];
  const auto now = clock_.now();
  const uint64_t so_far = seen(slot);
  if (so_far != entry.seen) {
    entry.seen = so_far;
    entry.last_seen = now;
  }
  // Who is half known takes a place for no longer than the idle time, however much is sent.
  if (now - (entry.is_half ? entry.half_since : entry.last_seen) < idle_) return;
  ++statistics_.forgotten;
  forget(slot);
}

void TunnelLearner::tick() {
  const size_t share = entries_.size() * kTick.count() / kSweep.count() + 1;
  for (size_t i = 0; i < std::min(share, entries_.size()); ++i) {
    look_at(static_cast<uint32_t>(next_look_));
    next_look_ = (next_look_ + 1) % entries_.size();
  }
}

void TunnelLearner::each(const std::function<void(const User&)>& visit) const {
  const auto now = clock_.now();
  for (const auto& [key, slot] : by_key_) {
    const Entry& entry = *entries_[slot];
    visit({.tunnel = entry.known,
           .is_ambiguous = !is_alone(entry),
           .silent = std::chrono::duration_cast<std::chrono::milliseconds>(now - entry.last_seen)});
  }
}

std::optional<IpAddress> TunnelLearner::holder(uint32_t slot, uint32_t serial) const {
  if (slot >= entries_.size() || !entries_[slot]) return std::nullopt;
  if (entries_[slot]->session->serial() != serial) return std::nullopt;
  return IpAddress(Ipv6Address(entries_[slot]->known.owner.ue));
}

}  // namespace sluice::upf
