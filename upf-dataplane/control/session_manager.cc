#include "upf-dataplane/control/session_manager.h"

#include <algorithm>
#include <random>
#include <tuple>

namespace sluice::upf {
namespace {

bool has(const std::vector<Teid>& sorted, Teid teid) {
  return std::ranges::binary_search(sorted, teid);
}

// The least of what the BARs suggest.
std::optional<size_t> suggested_packets(const SessionSpec& spec) {
  std::optional<size_t> least;
  for (const auto& [id, bar] : spec.bars) {
    if (bar.suggested_packets) {
      least = std::min<size_t>(least.value_or(*bar.suggested_packets), *bar.suggested_packets);
    }
  }
  return least;
}

BitRates guaranteed_by(const SessionSpec& spec) {
  BitRates sum;
  for (const auto& [id, qer] : spec.qers) {
    if (!qer.gbr) continue;
    sum.uplink_kbps += qer.gbr->uplink_kbps;
    sum.downlink_kbps += qer.gbr->downlink_kbps;
  }
  return sum;
}

void move(BitRates& total, const BitRates& from, const BitRates& to) {
  total.uplink_kbps += to.uplink_kbps - from.uplink_kbps;
  total.downlink_kbps += to.downlink_kbps - from.downlink_kbps;
}

std::vector<Teid> teids_of(const SessionSpec& spec) {
  std::vector<Teid> teids;
  for (const auto& [id, pdr] : spec.pdrs) {
    if (pdr.f_teid) teids.push_back(pdr.f_teid->teid);
  }
  std::ranges::sort(teids);
  teids.erase(std::ranges::unique(teids).begin(), teids.end());
  return teids;
}

std::vector<IpPrefix> prefixes_of(const Session::Parts& parts) {
  std::vector<IpPrefix> prefixes = parts.framed_routes;
  if (parts.ue_prefix && parts.ue_v6 == 0) prefixes.push_back(*parts.ue_prefix);
  return prefixes;
}

}  // namespace

SessionManager::SessionManager(size_t capacity, SharedState& shared, Neighbours& neighbours,
                               Reclaimer& reclaimer, CounterBank& counters, const Clock& clock,
                               std::function<uint64_t()> ticks, PacketBuffer& buffer)
    : capacity_(capacity),
      shared_(shared),
      neighbours_(neighbours),
      reclaimer_(reclaimer),
      counters_(counters),
      clock_(clock),
      ticks_(std::move(ticks)),
      buffer_(buffer),
      holders_(capacity),
      // Another base after every start, so that a SEID of an earlier life finds nothing.
      last_seid_(uint64_t{std::random_device{}()} << 32),
      free_slots_(std::make_shared<std::vector<uint32_t>>()) {
  buffer_.on_drop(
      [this](uint32_t of, PdrId pdr, uint32_t bytes) { count_dropped(of, pdr, bytes); });
  for (auto slot = static_cast<uint32_t>(capacity); slot > 0; --slot) {
    free_slots_->push_back(slot - 1);
  }
}

SessionManager::~SessionManager() {
  while (!sessions_.empty()) remove(sessions_.begin()->first);
}

Result<Seid> SessionManager::allocate_seid() {
  if (sessions_.size() >= capacity_) {
    return fail(ErrorCode::kResourceExhausted, "all {} sessions are in use (limits.sessions)",
                capacity_);
  }
  return Seid(++last_seid_);
}

Result<void> SessionManager::install(const SessionSpec& spec, Buffered buffered) {
  const auto found = sessions_.find(spec.seid);
  Installed* old = found == sessions_.end() ? nullptr : &found->second;
  RuleState state = carry_over(spec, old != nullptr ? old->state : RuleState{}, rule_clock());
  auto parts = compile_session(spec, state, neighbours_.ports(), neighbours_);
  if (!parts) return std::unexpected(parts.error());
  const Keys keys{teids_of(spec), parts->ue_v4, parts->ue_v6, prefixes_of(*parts)};
  if (auto free = check_free(keys, old); !free) return free;
  if (old == nullptr && free_slots_->empty()) {
    return fail(ErrorCode::kResourceExhausted, "all {} sessions are in use (limits.sessions)",
                capacity_);
  }

  const auto network = shared_.networks.number_of({spec.dnn, spec.snssai});
  if (!network) return std::unexpected(network.error());
  parts->network = *network;
  // A slot that was just freed is handed out again only after its grace period.
  parts->slot = old != nullptr ? old->session->slot() : free_slots_->back();
  parts->version = ++last_version_;
  parts->serial = old != nullptr ? old->session->serial() : parts->version;
  Installed next{.session = Session::make(*parts, shared_.session_memory),
                 .keys = keys,
                 .hops = {},
                 .state = std::move(state),
                 .guaranteed = guaranteed_by(spec)};

  // What is buffered leaves before workers see that the session forwards. Keys that it did not have
  // lead to the old session first: that may fail, what follows may not.
  if (old != nullptr && old->keys != keys) {
    if (auto reserved = link(keys, old->session.get()); !reserved) {
      unlink(keys, &old->keys);
      return reserved;
    }
  }
  if (old != nullptr) {
    if (buffered == Buffered::kDrop) buffer_.drop(parts->slot);
    buffer_.release(*next.session);
  }
  if (auto linked = link(keys, next.session.get()); !linked) {
    // Workers may have seen the new session.
    unlink(keys, nullptr);
    reclaimer_.retire([gone = std::move(next.session), state = std::move(next.state)]() mutable {
      gone.reset();
    });
    return linked;
  }
  buffer_.set_suggested(parts->slot, suggested_packets(spec));
  apply_changes(spec, next.state, rule_clock());
  move(guaranteed_, old != nullptr ? old->guaranteed : BitRates{}, next.guaranteed);
  hold_hops(*parts, next);
  if (tunnels_ != nullptr) {
    each_tunnel(*next.session, [&](PortIndex port, const OuterHeader& tunnel) {
      tunnels_->tunnel_added(spec.seid, port, tunnel);
    });
  }
  if (old == nullptr) {
    free_slots_->pop_back();
    holders_[next.session->slot()] = spec.seid;
    sessions_.emplace(spec.seid, std::move(next));
    return {};
  }
  unlink(old->keys, &keys);
  for (const auto& [id, meter] : old->state.usage) {
    if (next.state.usage_meter(id) == nullptr) next.removed.emplace(id, meter);
  }
  std::swap(*old, next);
  retire(spec.seid, std::move(next));
  return {};
}

Result<void> SessionManager::check_free(const Keys& keys, const Installed* own) const {
  const Session* mine = own == nullptr ? nullptr : own->session.get();
  const auto is_taken = [mine](const Session* there) { return there != nullptr && there != mine; };
  for (const Teid teid : keys.teids) {
    if (is_taken(shared_.sessions.find_teid(teid.value()))) {
      return std::unexpected(
          Error{ErrorCode::kConflict,
                fmt::format("TEID {:#x} belongs to another session", teid.value()), "F-TEID"});
    }
  }
  if ((keys.v4 != 0 && is_taken(shared_.sessions.find_v4(keys.v4))) ||
      (keys.v6 != 0 && is_taken(shared_.sessions.find_v6(keys.v6)))) {
    return std::unexpected(Error{ErrorCode::kConflict,
                                 "the UE's address belongs to another session", "UE IP Address"});
  }
  for (const IpPrefix& prefix : keys.prefixes) {
    if (is_taken(shared_.sessions.at_prefix(prefix))) {
      return std::unexpected(Error{ErrorCode::kConflict,
                                   fmt::format("{} belongs to another session", prefix.to_string()),
                                   "UE IP Address"});
    }
  }
  return {};
}

Result<void> SessionManager::link(const Keys& keys, const Session* session) {
  auto& index = shared_.sessions;
  bool done = std::ranges::all_of(keys.teids, [&](Teid t) { return index.set_teid(t, session); });
  if (keys.v4 != 0) done = done && index.set_v4(keys.v4, session);
  if (keys.v6 != 0) done = done && index.set_v6(keys.v6, session);
  for (const IpPrefix& p : keys.prefixes) done = done && index.set_prefix(p, session);
  if (done) return {};
  return fail(ErrorCode::kResourceExhausted, "the session tables are full (limits.sessions)");
}

// Removes all keys but those that `except` has too.
void SessionManager::unlink(const Keys& keys, const Keys* except) {
  auto& index = shared_.sessions;
  for (const Teid teid : keys.teids) {
    if (except == nullptr || !has(except->teids, teid)) index.set_teid(teid, nullptr);
  }
  if (keys.v4 != 0 && (except == nullptr || except->v4 != keys.v4)) index.set_v4(keys.v4, nullptr);
  if (keys.v6 != 0 && (except == nullptr || except->v6 != keys.v6)) index.set_v6(keys.v6, nullptr);
  for (const IpPrefix& prefix : keys.prefixes) {
    const bool stays =
        except != nullptr && std::ranges::find(except->prefixes, prefix) != except->prefixes.end();
    if (!stays) index.set_prefix(prefix, nullptr);
  }
}

void SessionManager::hold_hops(const Session::Parts& parts, Installed& installed) {
  const auto hold = [&](NextHopId hop) {
    neighbours_.hold(hop);
    installed.hops.push_back(hop);
  };
  for (const auto* pdrs : {&parts.uplink, &parts.downlink, &parts.from_cp}) {
    for (const auto& pdr : *pdrs) {
      if (pdr.encapsulate) hold(pdr.peer_hop);
    }
  }
  for (const auto& extras : parts.extras) {
    for (const auto& copy : extras.copies) hold(copy.hop);
    for (const auto& action : extras.quota_actions) {
      if (action.instead && action.instead->encapsulate) hold(action.instead->peer_hop);
    }
  }
}

void SessionManager::each_tunnel(
    const Session& session, const std::function<void(PortIndex, const OuterHeader&)>& visit) const {
  const auto visit_pdr = [&](const CompiledPdr& pdr) {
    // At the end of a tunnel of UDP/IP nobody speaks GTP-U.
    if (!pdr.encapsulate || (pdr.extras != 0 && session.extras(pdr).udp_port != 0)) return;
    const IpAddress peer = pdr.peer_is_v6 ? IpAddress(Ipv6Address::from_bytes(pdr.peer))
                                          : IpAddress(Ipv4Address::from_bytes(pdr.peer));
    visit(pdr.out_port, {Teid(pdr.peer_teid), peer});
  };
  for (const auto pdrs : session.all_pdrs()) std::ranges::for_each(pdrs, visit_pdr);
  for (const PdrExtras& extras : session.all_extras()) {
    for (const auto& action : extras.quota_actions) {
      if (action.instead) visit_pdr(*action.instead);
    }
  }
}

void SessionManager::retire(Seid seid, Installed installed) {
  if (tunnels_ != nullptr) {
    each_tunnel(*installed.session, [&](PortIndex port, const OuterHeader& tunnel) {
      tunnels_->tunnel_removed(seid, port, tunnel);
    });
  }
  for (const NextHopId hop : installed.hops) neighbours_.release(hop);
  reclaimer_.retire([session = std::move(installed.session),
                     state = std::move(installed.state)]() mutable { session.reset(); });
}

SessionUsage SessionManager::remove(Seid seid) {
  const auto found = sessions_.find(seid);
  if (found == sessions_.end()) return {};
  if (on_end_) on_end_(seid, found->second.session->serial());
  Installed gone = std::move(found->second);
  sessions_.erase(found);
  unlink(gone.keys, nullptr);
  move(guaranteed_, gone.guaranteed, {});
  const uint32_t slot = gone.session->slot();
  holders_[slot] = Seid();
  buffer_.forget(slot);
  const SessionUsage used = usage(slot);
  retire(seid, std::move(gone));
  reclaimer_.retire([slot, slots = free_slots_, &counters = counters_] {
    counters.each([slot](WorkerCounters& worker) {
      SessionCounters& c = worker.sessions[slot];
      for (auto* counter : {&c.uplink, &c.downlink}) {
        counter->packets.reset();
        counter->bytes.reset();
      }
    });
    slots->push_back(slot);
  });
  return used;
}

UsageCount SessionManager::usage(Seid seid, UrrId urr) {
  const auto found = sessions_.find(seid);
  if (found == sessions_.end()) return {};
  UsageMeter* meter = found->second.state.usage_meter(urr);
  if (const auto gone = found->second.removed.find(urr);
      meter == nullptr && gone != found->second.removed.end()) {
    meter = gone->second.get();
  }
  if (meter == nullptr) return {};
  meter->begin_look();
  UsageCount count{.totals = meter->totals()};
  std::tie(count.dropped_packets, count.dropped_bytes) = meter->dropped();
  if (const uint64_t last = meter->last_packet(); last != 0) {
    // Another core's ticks may be a little ahead.
    const uint64_t now = std::max(ticks_(), last);
    const double seconds =
        static_cast<double>(now - last) / static_cast<double>(shared_.ticks_per_second);
    count.last_packet = clock_.now() - std::chrono::duration_cast<std::chrono::nanoseconds>(
                                           std::chrono::duration<double>(seconds));
  }
  return count;
}

void SessionManager::set_usage_limits(Seid seid, UrrId urr, const UsageLimits& limits) {
  const auto found = sessions_.find(seid);
  if (found == sessions_.end()) return;
  if (UsageMeter* meter = found->second.state.usage_meter(urr)) meter->set_limits(limits);
}

std::optional<PacketRateLeft> SessionManager::packets_left(Seid seid, QerId qer) {
  const auto found = sessions_.find(seid);
  if (found == sessions_.end()) return std::nullopt;
  const QerMeters* meters = found->second.state.meter(qer);
  if (meters == nullptr || meters->packets == nullptr) return std::nullopt;
  const auto up = meters->packets->uplink.status(ticks_());
  const auto down = meters->packets->downlink.status(ticks_());
  const uint64_t ticks = std::max(up.ticks, down.ticks);
  PacketRateLeft left;
  if (meters->packets->uplink.has_limit()) left.uplink = up.left;
  if (meters->packets->downlink.has_limit()) left.downlink = down.left;
  if (ticks != 0) {
    left.until = std::chrono::ceil<std::chrono::seconds>(
        clock_.wall() + std::chrono::seconds(ticks / shared_.ticks_per_second));
  }
  return left;
}

RuleClock SessionManager::rule_clock() const {
  return {.ticks_per_second = shared_.ticks_per_second, .ticks = ticks_(), .wall = clock_.wall()};
}

void SessionManager::count_dropped(uint32_t slot, PdrId id, uint32_t bytes) {
  const auto seid = holder(slot);
  if (!seid) return;
  const Session& session = *sessions_.at(*seid).session;
  for (const CompiledPdr& pdr : session.downlink_pdrs()) {
    if (pdr.id != id.value()) continue;
    for (UsageMeter* meter : session.usage(pdr)) {
      if (meter->count_dropped(bytes)) told_.push_back(*seid);
    }
  }
}

std::optional<Seid> SessionManager::holder(uint32_t slot) const {
  if (slot >= holders_.size() || holders_[slot] == Seid()) return std::nullopt;
  return holders_[slot];
}

std::optional<Seid> SessionManager::hold(uint32_t slot, PdrId pdr, PortIndex port,
                                         std::span<const uint8_t> frame,
                                         const FragmentPorts* ports) {
  const auto seid = holder(slot);
  if (!seid) {
    counters_.control().dropped[static_cast<size_t>(DropReason::kBufferDropped)].add(1);
    return std::nullopt;
  }
  buffer_.hold(slot, pdr, port, frame, *sessions_.at(*seid).session, ports);
  return seid;
}

std::optional<Seid> SessionManager::holder(uint32_t slot, uint32_t serial) const {
  const auto seid = holder(slot);
  if (!seid || sessions_.at(*seid).session->serial() != serial) return std::nullopt;
  return seid;
}

void SessionManager::retry_releases() {
  buffer_.retry([this](uint32_t slot) -> const Session* {
    const auto seid = holder(slot);
    return seid ? sessions_.at(*seid).session.get() : nullptr;
  });
}

void SessionManager::drop_buffered(Seid seid) {
  if (const auto found = sessions_.find(seid); found != sessions_.end()) {
    buffer_.drop(found->second.session->slot());
  }
}

void SessionManager::send_end_marker(const Far& last) {
  if (!last.outer_header || last.outer_header->udp_port) return;
  const auto port = tunnel_port(last, neighbours_.ports());
  if (!port) return;
  auto frame = make_end_marker(neighbours_.ports()[*port], *last.outer_header);
  if (!frame) return;
  // Behind the last packet that a worker sends by the old tunnel.
  reclaimer_.retire([&neighbours = neighbours_, port = *port, frame = *std::move(frame)]() mutable {
    neighbours.resolve_and_send(port, std::move(frame));
  });
}

void SessionManager::each_usage(const std::function<void(Seid, const SessionUsage&)>& visit) const {
  for (const auto& [seid, installed] : sessions_) visit(seid, usage(installed.session->slot()));
}

SessionUsage SessionManager::usage(uint32_t slot) const {
  const Traffic up = counters_.traffic(
      [slot](const auto& w) -> const TrafficCounter& { return w.sessions[slot].uplink; });
  const Traffic down = counters_.traffic(
      [slot](const auto& w) -> const TrafficCounter& { return w.sessions[slot].downlink; });
  return {up.packets, up.bytes, down.packets, down.bytes};
}

}  // namespace sluice::upf
