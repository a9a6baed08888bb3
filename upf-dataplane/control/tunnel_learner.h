// The mode inline: makes of what workers see pass the tables by which they take packets off the
// wire and put packets for users on it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/net/ip_address.h"
#include "upf-dataplane/session/learned_tunnels.h"
#include "upf-dataplane/session/reclaimer.h"
#include "upf-dataplane/worker/counters.h"
#include "upf-dataplane/worker/shared_state.h"

namespace sluice::upf {

// What is learned, and when it is forgotten again:
//   * a user is a core's address and the user's address behind it; what was seen last counts;
//   * the downlink tunnel is forgotten, until the core's next packet to the user shows it, when the
//     core ends it (End Marker), when the base station disowns it (Error Indication), when the
//     user's packets begin to come by another tunnel or from another base station than those two
//     directions share, and when another user's packets are seen in it;
//   * a user who has been silent for the idle time is forgotten;
//   * who shares an address with another core's user is not steered; whoever is known by one way
//     only does not count for that: anybody can send in another's name, and base stations send
//     packets on to each other in handovers.
// Control thread only.
class TunnelLearner {
 public:
  struct Statistics {
    uint64_t learned = 0;    // users, and downlink tunnels of known ones
    uint64_t moved = 0;      // users whose base station or tunnels changed
    uint64_t ended = 0;      // downlink tunnels forgotten before the user was
    uint64_t forgotten = 0;  // users, for their silence
    uint64_t refused = 0;    // sightings of users that there was no room for
  };

  // Learns into `shared.learned` for as many users as that has room for. All must outlive this,
  // and the reclaimer must run what was retired before `shared` goes.
  TunnelLearner(SharedState& shared, Reclaimer& reclaimer, CounterBank& counters,
                const Clock& clock, std::chrono::milliseconds idle, size_t workers);
  TunnelLearner(const TunnelLearner&) = delete;
  TunnelLearner& operator=(const TunnelLearner&) = delete;
  ~TunnelLearner();

  // What a worker tells by.
  SightQueue* queue(size_t worker) { return queues_[worker].get(); }

  // Takes what workers have told since the last call. Call it often.
  void learn();
  // Forgets who has been silent for too long; looks at all users once in kSweep. Every kTick.
  void tick();
  static constexpr std::chrono::milliseconds kTick{50};
  static constexpr std::chrono::milliseconds kSweep{1000};

  size_t size() const { return by_key_.size(); }
  size_t steerable() const { return steerable_; }
  const Statistics& statistics() const { return statistics_; }
  // What the workers could not tell for want of room.
  uint64_t lost() const;

  struct User {
    const LearnedTunnel& tunnel;
    bool is_ambiguous;  // another core has a user with the address, known both ways
    std::chrono::milliseconds silent;
  };
  void each(const std::function<void(const User&)>& visit) const;

  // Whose slot it is, unless it is another's by now than that with the serial number.
  std::optional<IpAddress> holder(uint32_t slot, uint32_t serial) const;
  // Who is told when a user is about to be forgotten; an empty function: nobody.
  void tell_of_ends(std::function<void(const IpAddress& ue, uint32_t serial)> listener) {
    on_end_ = std::move(listener);
  }

 private:
  // Of the places no more than one in so many is for users whom only uplink packets have named.
  static constexpr size_t kShareOfHalfKnown = 4;
  // How many cores may have a user with one address.
  static constexpr size_t kMostOfAddress = 8;
  using Address = std::array<uint8_t, 16>;
  using Time = std::chrono::steady_clock::time_point;
  struct Hash {
    size_t operator()(const Address& address) const;
    size_t operator()(const TunnelEnd& end) const;
  };
  struct Entry {
    uint64_t key = 0;
    LearnedTunnel known;
    std::unique_ptr<const LearnedTunnel> published;
    SessionPtr session;
    uint64_t seen = 0;  // when it was looked at last
    Time last_seen;
    Time half_since;  // as long as one way is not known
    bool is_half = true;
  };

  // Those who have an address.
  struct Sharing {
    std::set<uint32_t> slots;
    size_t known = 0;  // both ways
  };

  void take(const TunnelSight& sight);
  void take_uplink(Entry& entry, const TunnelSight& sight);
  void take_downlink(Entry& entry, const TunnelSight& sight);
  Entry* find_or_add(const TunnelSight& sight);
  bool is_welcome(const TunnelOwner& owner) const;
  bool make_room(const TunnelSight& sight);
  void set_downlink(Entry& entry, const TunnelEnd& end);
  void end_downlink(Entry& entry);
  void publish(Entry& entry);
  void publish_all(const Address& ue, const Entry* but);
  bool is_alone(const Entry& entry) const;
  void forget(uint32_t slot);
  void look_at(uint32_t slot);
  uint64_t seen(uint32_t slot) const;

  SharedState& shared_;
  LearnedTunnels& table_;
  Reclaimer& reclaimer_;
  CounterBank& counters_;
  const Clock& clock_;
  std::chrono::milliseconds idle_;
  std::vector<std::unique_ptr<SightQueue>> queues_;
  std::vector<SightQueue::Entry> sights_;        // in hand
  std::vector<std::unique_ptr<Entry>> entries_;  // by slot
  std::unordered_map<uint64_t, uint32_t> by_key_;
  std::unordered_map<Address, Sharing, Hash> by_ue_;
  std::unordered_map<TunnelEnd, std::set<uint32_t>, Hash> by_downlink_;
  // Shared with the reclaimer's callbacks, which may outlive this.
  std::shared_ptr<std::vector<uint32_t>> free_slots_;
  size_t steerable_ = 0;
  size_t half_known_ = 0;
  size_t next_look_ = 0;  // slot
  uint32_t last_version_ = 0;
  Statistics statistics_;
  std::function<void(const IpAddress&, uint32_t)> on_end_;
};

}  // namespace sluice::upf
