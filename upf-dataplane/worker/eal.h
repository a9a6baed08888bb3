// DPDK's environment abstraction layer, started from the configuration.
#pragma once

#include <functional>
#include <memory>

#include "base/error.h"
#include "upf-dataplane/control/config.h"

struct rte_mempool;

namespace sluice::upf {

// Starts the EAL: the calling thread becomes the control thread. Once per process.
Result<void> start_eal(const UpfConfig& config);
void stop_eal();

struct MempoolDeleter {
  void operator()(rte_mempool* pool) const;
};
using Mempool = std::unique_ptr<rte_mempool, MempoolDeleter>;

// Buffers for all ports and workers, each with room for a frame of the largest MTU.
Result<Mempool> make_mempool(const UpfConfig& config);

// Runs `work` on worker lcore `index` (from 0) until it returns; wait_for_workers() joins them all.
Result<void> launch_worker(size_t index, std::function<void()>& work);
void wait_for_workers();

}  // namespace sluice::upf
