// Room for a worker's copies of packets: buffers of the pool that frames come from.
#pragma once

#include <array>
#include <cstdint>

#include "upf-dataplane/packet/copy_room.h"

struct rte_mbuf;
struct rte_mempool;

namespace sluice::upf {

class WorkerCopies final : public CopyRoom {
 public:
  explicit WorkerCopies(rte_mempool* pool) : pool_(pool) {}

  // Null when the pool is empty, the packet too long for a buffer, or kMost are taken.
  Packet* copy(const Packet& from) override;

  size_t count() const { return count_; }
  const Packet& packet(size_t i) const { return packets_[i]; }
  rte_mbuf* buffer(size_t i) const { return buffers_[i]; }
  // The buffers are somebody else's by now.
  void clear() { count_ = 0; }

  // Of one burst: two for each packet, and what else N4 asks for.
  static constexpr size_t kMost = 256;

 private:
  rte_mempool* pool_;
  size_t count_ = 0;
  std::array<Packet, kMost> packets_;
  std::array<rte_mbuf*, kMost> buffers_;
};

}  // namespace sluice::upf
