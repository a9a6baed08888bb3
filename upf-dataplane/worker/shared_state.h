// What all workers read and, but for the flows that are redirected, only the control thread writes.
#pragma once

#include <atomic>
#include <memory>

#include "upf-dataplane/session/learned_tunnels.h"
#include "upf-dataplane/session/networks.h"
#include "upf-dataplane/session/redirections.h"
#include "upf-dataplane/session/session_index.h"
#include "upf-dataplane/session/session_memory.h"
#include "upf-dataplane/steer/forwarding_table.h"
#include "upf-dataplane/steer/next_hop.h"
#include "upf-dataplane/steer/steering_table.h"

namespace sluice::upf {

// The two tables are replaced whole; a worker loads each pointer once per burst and the old table
// is reclaimed after all workers have passed a quiescent state.
struct SharedState {
  SharedState(size_t tunnels, size_t neighbours, Reclaimer& reclaimer, uint32_t writer_count = 1,
              uint64_t tick_rate = 1'000'000'000, size_t redirected_flows = 512)
      : writers(writer_count),
        ticks_per_second(tick_rate),
        sessions(tunnels, reclaimer),
        next_hops(neighbours),
        redirections(std::make_unique<Redirections>(redirected_flows)) {}

  // Threads that run a Pipeline and so write the same meters: the workers and, for what a session
  // buffered, the control thread.
  const uint32_t writers;
  const uint64_t ticks_per_second;  // of the time that Pipeline::process() is given

  SessionMemory session_memory;  // control thread only
  Networks networks;             // control thread only
  SessionIndex sessions;
  NextHopTable next_hops;
  const std::unique_ptr<Redirections> redirections;
  std::atomic<const ForwardingTable*> forwarding{nullptr};
  std::atomic<const SteeringTable*> steering{nullptr};
  // The mode inline; made before any Pipeline. Null: the mode upf.
  std::unique_ptr<LearnedTunnels> learned;
};

}  // namespace sluice::upf
