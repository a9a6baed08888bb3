// Memory for large tables that are read at random places: on huge pages where the kernel has them,
// since with small ones most reads pay for a page walk as well.
#pragma once

#include <cstddef>
#include <vector>

namespace sluice {

// Zeroed memory of at least `bytes`, aligned to 64 bytes at least. Small pieces come from the heap.
// Throws std::bad_alloc.
void* allocate_huge(size_t bytes);
// `bytes` as given to allocate_huge().
void free_huge(void* memory, size_t bytes) noexcept;

// For containers.
template <typename T>
struct HugeAllocator {
  using value_type = T;
  HugeAllocator() = default;
  template <typename U>
  HugeAllocator(const HugeAllocator<U>&) {}  // NOLINT: allocators convert
  T* allocate(size_t n) {
    static_assert(alignof(T) <= 64);
    return static_cast<T*>(allocate_huge(n * sizeof(T)));
  }
  void deallocate(T* memory, size_t n) noexcept { free_huge(memory, n * sizeof(T)); }
  bool operator==(const HugeAllocator&) const = default;
};

template <typename T>
using HugeVector = std::vector<T, HugeAllocator<T>>;

}  // namespace sluice
