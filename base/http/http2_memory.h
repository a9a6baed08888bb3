// Memory for one nghttp2 session: blocks that it gives back wait for the next request, which wants
// the same ones again. A request takes some dozen, and the general allocator pays for being
// general.
#pragma once

#include <nghttp2/nghttp2.h>

#include <array>
#include <cstddef>

namespace sluice::http {

// Of one connection, and so of one thread at a time. Must outlive the session.
class Http2Memory {
 public:
  Http2Memory() = default;
  ~Http2Memory() { release(); }
  Http2Memory(const Http2Memory&) = delete;
  Http2Memory& operator=(const Http2Memory&) = delete;

  // What nghttp2_session_server_new3() takes; refers to this.
  nghttp2_mem functions();
  // Gives the waiting blocks, at most 128 KiB, back to the system.
  void release();

 private:
  static constexpr size_t kStep = 64;        // block sizes are its multiples
  static constexpr size_t kMaxBlock = 1024;  // larger ones go straight to the system
  static constexpr size_t kMaxWaiting = 128 * 1024;
  union Block;

  static Http2Memory& self(void* user) { return *static_cast<Http2Memory*>(user); }
  void* allocate(size_t size);
  void give_back(void* memory);
  void* resize(void* memory, size_t size);

  std::array<Block*, kMaxBlock / kStep> waiting_{};  // the first of each size
  size_t waiting_octets_ = 0;
};

}  // namespace sluice::http
