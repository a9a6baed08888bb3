#include "base/http/http2_memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace sluice::http {

// What stands before a block's octets: the room they have while it is in use, the next block while
// it waits.
union alignas(std::max_align_t) Http2Memory::Block {
  size_t room;
  Block* next;
};

nghttp2_mem Http2Memory::functions() {
  return {.mem_user_data = this,
          .malloc = [](size_t size, void* user) { return self(user).allocate(size); },
          .free = [](void* memory, void* user) { self(user).give_back(memory); },
          .calloc = [](size_t count, size_t size, void* user) -> void* {
            size_t total = 0;
            if (__builtin_mul_overflow(count, size, &total)) return nullptr;
            void* const out = self(user).allocate(total);
            return out ? std::memset(out, 0, total) : nullptr;
          },
          .realloc = [](void* memory, size_t size,
                        void* user) { return self(user).resize(memory, size); }};
}

void* Http2Memory::allocate(size_t size) {
  if (size > SIZE_MAX / 2) return nullptr;
  const size_t room = (std::max<size_t>(size, 1) + kStep - 1) / kStep * kStep;
  if (room <= kMaxBlock) {
    auto*& first = waiting_[room / kStep - 1];
    if (auto* block = first) {
      first = block->next;
      waiting_octets_ -= room;
      block->room = room;
      return block + 1;
    }
  }
  auto* block = static_cast<Block*>(std::malloc(sizeof(Block) + room));
  if (!block) return nullptr;
  block->room = room;
  return block + 1;
}

void Http2Memory::give_back(void* memory) {
  if (!memory) return;
  auto* block = static_cast<Block*>(memory) - 1;
  const size_t room = block->room;
  if (room > kMaxBlock || waiting_octets_ + room > kMaxWaiting) return std::free(block);
  block->next = std::exchange(waiting_[room / kStep - 1], block);
  waiting_octets_ += room;
}

void* Http2Memory::resize(void* memory, size_t size) {
  if (!memory) return allocate(size);
  const size_t room = (static_cast<Block*>(memory) - 1)->room;
  if (size <= room) return memory;
  void* const out = allocate(size);
  if (!out) return nullptr;
  std::memcpy(out, memory, room);
  give_back(memory);
  return out;
}

void Http2Memory::release() {
  for (auto*& first : waiting_) {
    while (auto* block = first) {
      first = block->next;
      std::free(block);
    }
  }
  waiting_octets_ = 0;
}

}  // namespace sluice::http
