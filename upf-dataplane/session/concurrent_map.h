// A hash table from a non-zero 64-bit key to a pointer: one writer, any number of lock-free
// readers. Sized once. A lookup normally touches one cache line. Keys 0 and ~0 are reserved.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

#include "base/huge_memory.h"
#include "upf-dataplane/session/reclaimer.h"

namespace sluice::upf {

template <typename T>
class ConcurrentMap {
 public:
  // Room for `capacity` keys. At least twice the places are made, so that searches stay short. The
  // reclaimer must run what was retired before the map is destroyed.
  explicit ConcurrentMap(size_t capacity, Reclaimer& reclaimer)
      : reclaimer_(reclaimer),
        capacity_(capacity),
        mask_(std::bit_ceil(capacity * 2 / kWays + 1) - 1),
        buckets_(mask_ + 1) {}

  size_t size() const { return size_; }
  size_t bytes() const { return (mask_ + 1) * sizeof(Bucket); }

  void prefetch(uint64_t key) const { __builtin_prefetch(&buckets_[home(key)]); }

  // Any thread. The pointer stays valid until the reader's next quiescent state.
  T* find(uint64_t key) const {
    for (size_t i = home(key), probes = 0; probes <= mask_; i = (i + 1) & mask_, ++probes) {
      const Bucket& bucket = buckets_[i];
      for (size_t way = 0; way < kWays; ++way) {
        if (bucket.keys[way].load(std::memory_order_acquire) == key) {
          return bucket.values[way].load(std::memory_order_acquire);
        }
      }
      if (bucket.passed_by.load(std::memory_order_acquire) == 0) return nullptr;
    }
    return nullptr;
  }

  // Writer only. Sets or replaces; false when the table is full.
  bool set(uint64_t key, T* value) {
    if (const Place place = locate(key); place.bucket != nullptr) {
      place.bucket->values[place.way].store(value, std::memory_order_release);
      return true;
    }
    if (size_ >= capacity_) return false;
    const Place free = first_free(key);
    if (free.bucket == nullptr) return false;
    // The trail first, so that a reader who can see the key can also reach it.
    mark_trail(key, free.bucket, 1);
    free.bucket->values[free.way].store(value, std::memory_order_release);
    free.bucket->keys[free.way].store(key, std::memory_order_release);
    ++size_;
    return true;
  }

  // Writer only. The place may serve another key only after a grace period: until then a reader may
  // have seen the old key and not yet read the value beside it.
  void erase(uint64_t key) {
    const Place place = locate(key);
    if (place.bucket == nullptr) return;
    place.bucket->values[place.way].store(nullptr, std::memory_order_release);
    place.bucket->keys[place.way].store(kErased, std::memory_order_release);
    mark_trail(key, place.bucket, -1);
    --size_;
    reclaimer_.retire(
        [place] { place.bucket->keys[place.way].store(kFree, std::memory_order_release); });
  }

 private:
  static constexpr size_t kWays = 3;
  static constexpr uint64_t kFree = 0;
  static constexpr uint64_t kErased = ~uint64_t{0};  // waits for its grace period

  struct alignas(64) Bucket {
    std::atomic<uint64_t> keys[kWays];
    std::atomic<T*> values[kWays];
    // How many keys have this bucket on the way from their home to their place: a search ends at
    // the first bucket that no key passed by, however much churn there was.
    std::atomic<int32_t> passed_by;
  };
  struct Place {
    Bucket* bucket = nullptr;
    size_t way = 0;
  };

  size_t home(uint64_t key) const {
    // Fibonacci hashing with the high half folded in: keys are often consecutive addresses.
    const uint64_t h = key * 0x9e3779b97f4a7c15U;
    return (h ^ h >> 32) & mask_;
  }

  Place locate(uint64_t key) {
    for (size_t i = home(key), probes = 0; probes <= mask_; i = (i + 1) & mask_, ++probes) {
      Bucket& bucket = buckets_[i];
      for (size_t way = 0; way < kWays; ++way) {
        if (bucket.keys[way].load(std::memory_order_relaxed) == key) return {&bucket, way};
      }
      if (bucket.passed_by.load(std::memory_order_relaxed) == 0) return {};
    }
    return {};
  }

  Place first_free(uint64_t key) {
    for (size_t i = home(key), probes = 0; probes <= mask_; i = (i + 1) & mask_, ++probes) {
      Bucket& bucket = buckets_[i];
      for (size_t way = 0; way < kWays; ++way) {
        if (bucket.keys[way].load(std::memory_order_relaxed) == kFree) return {&bucket, way};
      }
    }
    return {};
  }

  void mark_trail(uint64_t key, const Bucket* place, int32_t by) {
    for (size_t i = home(key); &buckets_[i] != place; i = (i + 1) & mask_) {
      buckets_[i].passed_by.fetch_add(by, std::memory_order_release);
    }
  }

  Reclaimer& reclaimer_;
  size_t capacity_;
  size_t mask_;
  size_t size_ = 0;
  HugeVector<Bucket> buckets_;  // never resized
};

}  // namespace sluice::upf
