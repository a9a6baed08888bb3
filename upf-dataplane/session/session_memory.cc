#include "upf-dataplane/session/session_memory.h"

#include <new>

#include "base/huge_memory.h"

namespace sluice::upf {

SessionMemory::~SessionMemory() {
  for (void* chunk : chunks_) free_huge(chunk, kChunk);
}

void* SessionMemory::do_allocate(size_t bytes, size_t alignment) {
  if (bytes > kLargest || alignment > kLine) {
    return ::operator new(bytes, std::align_val_t{alignment});
  }
  const size_t lines = (bytes + kLine - 1) / kLine;
  if (Free* first = free_[lines]; first != nullptr) {
    free_[lines] = first->next;
    return first;
  }
  if (used_ + lines * kLine > kChunk) {
    chunks_.push_back(allocate_huge(kChunk));
    used_ = 0;
  }
  void* memory = static_cast<std::byte*>(chunks_.back()) + used_;
  used_ += lines * kLine;
  return memory;
}

void SessionMemory::do_deallocate(void* memory, size_t bytes, size_t alignment) {
  if (bytes > kLargest || alignment > kLine) {
    return ::operator delete(memory, std::align_val_t{alignment});
  }
  const size_t lines = (bytes + kLine - 1) / kLine;
  free_[lines] = new (memory) Free{free_[lines]};
}

}  // namespace sluice::upf
