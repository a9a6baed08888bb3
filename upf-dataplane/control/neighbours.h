// Who is next to us on the UPF's networks: resolves addresses, watches that they stay alive, and
// keeps the workers' tables (next hops, forwarding) true.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "upf-dataplane/control/frames.h"
#include "upf-dataplane/session/compile_session.h"
#include "upf-dataplane/session/reclaimer.h"
#include "upf-dataplane/worker/shared_state.h"

namespace sluice::upf {

// Hands a frame to a worker to send.
class FrameSender {
 public:
  virtual ~FrameSender() = default;
  // False when the workers are behind and the frame is lost.
  virtual bool send(PortIndex port, const Frame& frame) = 0;
};

struct NeighbourPolicy {
  // What apps are watched by: an answer is due every interval, and after so many missed in a row
  // the neighbour is gone.
  std::chrono::milliseconds probe_interval{150};
  uint32_t misses = 3;
  // Gateways, base stations and other hosts are asked more rarely and given up later.
  std::chrono::milliseconds idle_interval{1000};
  uint32_t idle_misses = 5;
};

// Control thread only.
class Neighbours final : public NextHopResolver {
 public:
  // Publishes the first forwarding table at once and starts to resolve the gateways
  // (`gateways[i]` are those of `ports[i]`).
  struct Gateways {
    std::optional<IpAddress> v4;
    std::optional<IpAddress> v6;
  };
  Neighbours(std::vector<Port> ports, const std::vector<Gateways>& gateways, SharedState& shared,
             Reclaimer& reclaimer, const Clock& clock, FrameSender& sender, NeighbourPolicy policy);
  ~Neighbours() override;

  const std::vector<Port>& ports() const { return ports_; }

  Result<NextHopId> next_hop(PortIndex port, const IpAddress& destination) override;

  // Holds and gives up an interest in a next hop. What nobody holds is forgotten when it stops to
  // answer. A watched one is probed at the fast pace, and its coming and going is reported.
  void hold(NextHopId id);
  void release(NextHopId id);
  void watch(NextHopId id);
  void unwatch(NextHopId id);

  // A next hop that is no neighbour's address but a given MAC: always believed to be there.
  Result<NextHopId> fixed(PortIndex port, const MacAddress& mac);

  // Whether a watched neighbour came or went since the last call.
  bool take_changes() { return std::exchange(changed_, false); }

  // Ends of sessions' tunnels on N3's own links that fell silent, or answer again, since the last
  // call. Of those behind a gateway nothing is known.
  struct Path {
    IpAddress peer;
    bool works = false;
  };
  std::vector<Path> take_paths() { return std::exchange(paths_, {}); }
  // Whether the path to such a peer is known to have failed.
  bool has_failed(PortIndex port, const IpAddress& peer) const;

  bool is_reachable(NextHopId id) const;
  // "no ARP answer from 10.60.0.10 on ldn", for people.
  std::string why_unreachable(NextHopId id) const;

  // From the workers: a frame to learn from; a frame whose next hop is to be found.
  void learn(PortIndex port, std::span<const uint8_t> frame);
  void resolve_and_send(PortIndex port, Frame frame);

  // Publishes what changed since the last call and asks for who is new. Call it often: changes wait
  // for it, so that a thousand of them cost one table.
  void flush();
  // Sends the probes that are due and gives up who stayed silent; flushes too. Every kTick.
  void tick();
  static constexpr std::chrono::milliseconds kTick{50};

  size_t size() const { return by_address_.size(); }

 private:
  struct Entry {
    IpAddress address;
    PortIndex port = 0;
    bool is_fixed = false;
    bool reachable = false;
    bool has_failed = false;  // and was told so, by take_paths()
    MacAddress mac = {};
    uint32_t holds = 0;
    uint32_t watches = 0;
    uint32_t unanswered = 0;
    std::chrono::steady_clock::time_point next_probe = {};
    std::deque<Frame> waiting = {};  // for the first answer
  };

  Result<NextHopId> track(PortIndex port, const IpAddress& address);
  Result<NextHopId> add(Entry entry);
  void forget(NextHopId id);
  void probe(Entry& entry);
  void set_reachable(NextHopId id, Entry& entry, bool reachable);
  void follow_path(NextHopId id, Entry& entry);
  void drop_waiting(Entry& entry);
  void publish();

  std::vector<Port> ports_;
  SharedState& shared_;
  Reclaimer& reclaimer_;
  const Clock& clock_;
  FrameSender& sender_;
  NeighbourPolicy policy_;
  bool changed_ = false;  // a watched neighbour came or went
  bool dirty_ = false;    // the published table is out of date
  size_t unheld_ = 0;     // entries that nobody holds
  size_t waiting_frames_ = 0;
  std::vector<Path> paths_;
  std::vector<NextHopId> forgotten_;  // named by the published table still
  std::map<std::pair<PortIndex, IpAddress>, NextHopId> by_address_;
  std::map<std::pair<PortIndex, MacAddress>, NextHopId> by_mac_;
  std::map<NextHopId, Entry> entries_;
  // Shared with the reclaimer's callbacks, which may outlive this object.
  std::shared_ptr<std::vector<NextHopId>> free_;
  std::unique_ptr<const ForwardingTable> published_;
};

}  // namespace sluice::upf
