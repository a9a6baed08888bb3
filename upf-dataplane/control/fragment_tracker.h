// Gives the later fragments of users' packets the ports of the first, so that all of them are
// decided alike. They are not put together: each goes on as it came, as soon as the ports are
// known.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "upf-dataplane/packet/flow_key.h"
#include "upf-dataplane/packet/packet.h"
#include "upf-dataplane/worker/counters.h"

namespace sluice::upf {

struct FragmentLimits {
  size_t packets = 4096;  // whose fragments are followed
  size_t packets_per_session = 64;
  size_t bytes = 4 << 20;  // of fragments that wait for the first
  size_t waiting = 16;     // fragments of one packet
  std::chrono::milliseconds lifetime{2000};
};

// Control thread only. Fragments whose first does not come count as dropped.
class FragmentTracker {
 public:
  // Where fragments go whose ports are known.
  using Deliver =
      std::function<void(PortIndex, std::span<const uint8_t> frame, const FragmentPorts&)>;

  // `counters` are for the drops; all must outlive this.
  FragmentTracker(const FragmentLimits& limits, const Clock& clock, WorkerCounters& counters,
                  Deliver deliver);

  // A frame with a fragment of a user's packet at `inner_offset`, whose headers have been checked,
  // of the session in `slot`.
  void add(uint32_t slot, PortIndex port, std::span<const uint8_t> frame, uint16_t inner_offset);

  // Gives up what has waited for too long; call it often.
  void expire();

  size_t packets() const { return packets_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Key {
    uint32_t slot = 0;
    IpAddress source = {};
    IpAddress destination = {};
    uint32_t identification = 0;
    uint8_t protocol = 0;
    auto operator<=>(const Key&) const = default;
  };
  struct Waiting {
    PortIndex port = 0;
    std::vector<uint8_t> frame = {};
  };
  struct Tracked {
    std::optional<FragmentPorts> ports = {};
    std::vector<Waiting> waiting = {};
    uint64_t order = 0;
    std::chrono::steady_clock::time_point expires = {};
  };

  Tracked& find_or_make(const Key& key);
  void forget(const Key& key, DropReason reason);
  void count(DropReason reason, size_t frames) {
    counters_.dropped[static_cast<size_t>(reason)].add(frames);
  }

  FragmentLimits limits_;
  const Clock& clock_;
  WorkerCounters& counters_;
  Deliver deliver_;
  std::map<Key, Tracked> packets_;
  std::map<uint64_t, Key> by_age_;
  std::map<uint32_t, std::map<uint64_t, Key>> by_session_;  // slot: by age
  size_t bytes_ = 0;
  uint64_t last_order_ = 0;
};

}  // namespace sluice::upf
