// Where compiled sessions live: close together on huge pages, in places that are used again.
#pragma once

#include <array>
#include <cstddef>
#include <memory_resource>
#include <vector>

namespace sluice::upf {

// Control thread only. What was taken from it must be given back before it ends.
class SessionMemory final : public std::pmr::memory_resource {
 public:
  SessionMemory() = default;
  SessionMemory(const SessionMemory&) = delete;
  SessionMemory& operator=(const SessionMemory&) = delete;
  ~SessionMemory() override;

 private:
  static constexpr size_t kLine = 64;
  // Larger pieces come from the heap; under AddressSanitizer all do, so that it sees them end.
#ifdef __SANITIZE_ADDRESS__
  static constexpr size_t kLargest = 0;
#else
  static constexpr size_t kLargest = 4096;
#endif
  static constexpr size_t kChunk = size_t{2} << 20;
  struct Free {
    Free* next;
  };

  void* do_allocate(size_t bytes, size_t alignment) override;
  void do_deallocate(void* memory, size_t bytes, size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }

  std::array<Free*, kLargest / kLine + 1> free_{};  // by size in lines
  std::vector<void*> chunks_;
  size_t used_ = kChunk;  // of the last chunk
};

}  // namespace sluice::upf
