#include "upf-dataplane/worker/worker_copies.h"

#include <rte_mbuf.h>

#include <cstring>

namespace sluice::upf {

// A real copy: both it and the original get headers of their own and lose a hop, which buffers that
// share their bytes could not.
Packet* WorkerCopies::copy(const Packet& from) {
  if (count_ == kMost) return nullptr;
  rte_mbuf* buffer = rte_pktmbuf_alloc(pool_);
  if (buffer == nullptr) return nullptr;
  if (buffer->buf_len < kHeadroom + from.length) {
    rte_pktmbuf_free(buffer);
    return nullptr;
  }
  auto* bytes = static_cast<uint8_t*>(buffer->buf_addr) + kHeadroom;
  std::memcpy(bytes, from.data, from.length);
  Packet& copy = packets_[count_];
  copy = {.data = bytes,
          .length = from.length,
          .headroom = kHeadroom,
          .tailroom = static_cast<uint16_t>(buffer->buf_len - kHeadroom - from.length),
          .in_port = from.in_port};
  buffers_[count_] = buffer;
  ++count_;
  return &copy;
}

}  // namespace sluice::upf
