// The sessions of the user plane: compiles what N4 asks for and keeps the workers' index true.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "upf-dataplane/control/neighbours.h"
#include "upf-dataplane/control/packet_buffer.h"
#include "upf-dataplane/control/tunnel_watcher.h"
#include "upf-dataplane/session/reclaimer.h"
#include "upf-dataplane/session/rule_state.h"
#include "upf-dataplane/session/session.h"
#include "upf-dataplane/session/session_installer.h"
#include "upf-dataplane/worker/counters.h"
#include "upf-dataplane/worker/shared_state.h"

namespace sluice::upf {

// Control thread only. `ticks` is the time that the pipelines are given.
class SessionManager final : public SessionInstaller {
 public:
  SessionManager(size_t capacity, SharedState& shared, Neighbours& neighbours, Reclaimer& reclaimer,
                 CounterBank& counters, const Clock& clock, std::function<uint64_t()> ticks,
                 PacketBuffer& buffer);
  ~SessionManager() override;

  // Tells `watcher` of the tunnels of sessions from now on; null: nobody.
  void watch_tunnels(TunnelWatcher* watcher) { tunnels_ = watcher; }

  Result<Seid> allocate_seid() override;
  Result<Teid> allocate_teid() override { return shared_.sessions.allocate_teid(); }
  unsigned load() const override {
    return static_cast<unsigned>(sessions_.size() * 100 / capacity_);
  }
  void release_teid(Teid teid) override { shared_.sessions.release_teid(teid); }
  using SessionInstaller::install;
  Result<void> install(const SessionSpec& spec, Buffered buffered) override;
  SessionUsage remove(Seid seid) override;
  UsageCount usage(Seid seid, UrrId urr) override;
  void set_usage_limits(Seid seid, UrrId urr, const UsageLimits& limits) override;

  std::optional<PacketRateLeft> packets_left(Seid seid, QerId qer) override;

  void drop_buffered(Seid seid) override;
  void send_end_marker(const Far& last) override;

  // A worker's frame to buffer for the session in a slot, and whose that is; nullopt, and the frame
  // is dropped, when the session is gone.
  // `ports` are a fragment's, when they are known.
  std::optional<Seid> hold(uint32_t slot, PdrId pdr, PortIndex port, std::span<const uint8_t> frame,
                           const FragmentPorts* ports = nullptr);
  // Lets go what was buffered and waits for a neighbour; call it often.
  void retry_releases();

  // Sessions whose URRs want attention because of buffered packets that were dropped.
  std::vector<Seid> take_told() { return std::exchange(told_, {}); }

  // Whose slot it is.
  std::optional<Seid> holder(uint32_t slot) const;
  // The same, unless it is another session's by now than that with the serial number.
  std::optional<Seid> holder(uint32_t slot, uint32_t serial) const;
  // Who is told when a session is about to be removed; an empty function: nobody.
  void tell_of_ends(std::function<void(Seid, uint32_t serial)> listener) {
    on_end_ = std::move(listener);
  }

  size_t size() const { return sessions_.size(); }
  // What the GBRs of all sessions add up to, for whoever admits new ones.
  const BitRates& guaranteed() const { return guaranteed_; }
  // What each session has used so far.
  void each_usage(const std::function<void(Seid, const SessionUsage&)>& visit) const;

 private:
  // What leads to a session: the keys it occupies in the index.
  struct Keys {
    std::vector<Teid> teids;  // ascending
    uint32_t v4 = 0;
    uint64_t v6 = 0;
    std::vector<IpPrefix> prefixes = {};  // framed routes, and a UE's prefix that is no /64
    bool operator==(const Keys&) const = default;
  };
  struct Installed {
    SessionPtr session;
    Keys keys;
    std::vector<NextHopId> hops;  // held for its tunnels
    RuleState state;              // that the session points into
    // Meters that the last modification removed, for the last look at them.
    std::map<UrrId, std::shared_ptr<UsageMeter>> removed = {};
    BitRates guaranteed;  // the sum of its GBRs
  };

  Result<void> check_free(const Keys& keys, const Installed* own) const;
  Result<void> link(const Keys& keys, const Session* session);
  void unlink(const Keys& keys, const Keys* except);
  void hold_hops(const Session::Parts& parts, Installed& installed);
  void each_tunnel(const Session& session,
                   const std::function<void(PortIndex, const OuterHeader&)>& visit) const;
  void retire(Seid seid, Installed installed);
  SessionUsage usage(uint32_t slot) const;
  RuleClock rule_clock() const;
  void count_dropped(uint32_t slot, PdrId pdr, uint32_t bytes);

  size_t capacity_;
  SharedState& shared_;
  Neighbours& neighbours_;
  Reclaimer& reclaimer_;
  CounterBank& counters_;
  const Clock& clock_;
  std::function<uint64_t()> ticks_;
  PacketBuffer& buffer_;
  TunnelWatcher* tunnels_ = nullptr;
  std::function<void(Seid, uint32_t)> on_end_;
  std::vector<Seid> holders_;  // by slot; SEID 0: none
  std::unordered_map<Seid, Installed> sessions_;
  BitRates guaranteed_;
  std::vector<Seid> told_;
  uint64_t last_seid_;
  uint32_t last_version_ = 0;
  std::shared_ptr<std::vector<uint32_t>> free_slots_;  // shared with reclaimer callbacks
};

}  // namespace sluice::upf
