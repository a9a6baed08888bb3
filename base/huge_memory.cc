#include "base/huge_memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <new>

namespace sluice {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
// Below this a huge page would be mostly empty, and small pages fit the processor's tables.
constexpr size_t kLeast = kHugePage / 8;
constexpr std::align_val_t kAlignment{64};

size_t round_up(size_t bytes) { return (bytes + kHugePage - 1) & ~(kHugePage - 1); }

}  // namespace

void* allocate_huge(size_t bytes) {
  if (bytes < kLeast) {
    void* memory = ::operator new(bytes, kAlignment);
    std::memset(memory, 0, bytes);
    return memory;
  }
  const size_t size = round_up(bytes);
  // One page more than needed, to cut an aligned piece from.
  void* room =
      mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) throw std::bad_alloc();
  const auto begin = reinterpret_cast<uintptr_t>(room);
  const uintptr_t aligned = round_up(begin);
  if (aligned > begin) munmap(room, aligned - begin);
  if (const uintptr_t behind = begin + kHugePage - aligned; behind > 0) {
    munmap(reinterpret_cast<void*>(aligned + size), behind);
  }
  auto* memory = reinterpret_cast<void*>(aligned);
  // Refused where the kernel has none: then small pages do.
  (void)madvise(memory, size, MADV_HUGEPAGE);
  return memory;
}

void free_huge(void* memory, size_t bytes) noexcept {
  if (bytes < kLeast) {
    ::operator delete(memory, kAlignment);
  } else {
    munmap(memory, round_up(bytes));
  }
}

}  // namespace sluice
