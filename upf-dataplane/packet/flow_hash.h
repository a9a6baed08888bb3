// Hashing and masking of flow keys, 16 bytes at a time.
#pragma once

#include <nmmintrin.h>

#include <cstdint>

#include "upf-dataplane/packet/flow_key.h"

namespace sluice::upf {

// Two CRC chains in parallel hide the instruction's latency.
inline uint32_t hash(const FlowKey& key) {
  uint64_t words[6];
  std::memcpy(words, &key, sizeof words);
  const uint64_t a = _mm_crc32_u64(_mm_crc32_u64(0x5bd1e995, words[0]), words[1]);
  const uint64_t b = _mm_crc32_u64(_mm_crc32_u64(0x1b873593, words[2]), words[3]);
  const uint64_t c = _mm_crc32_u64(_mm_crc32_u64(a, words[4]), words[5]);
  return static_cast<uint32_t>((c ^ (b << 32 | b)) * 0x9e3779b97f4a7c15U >> 32);
}

inline FlowKey masked(const FlowKey& key, const FlowKey& mask) {
  FlowKey out;
  for (int i = 0; i < 3; ++i) {
    const auto* k = reinterpret_cast<const __m128i*>(&key) + i;
    const auto* m = reinterpret_cast<const __m128i*>(&mask) + i;
    _mm_store_si128(reinterpret_cast<__m128i*>(&out) + i,
                    _mm_and_si128(_mm_load_si128(k), _mm_load_si128(m)));
  }
  return out;
}

inline bool equal(const FlowKey& a, const FlowKey& b) {
  const auto* x = reinterpret_cast<const __m128i*>(&a);
  const auto* y = reinterpret_cast<const __m128i*>(&b);
  const __m128i e0 = _mm_cmpeq_epi8(_mm_load_si128(x), _mm_load_si128(y));
  const __m128i e1 = _mm_cmpeq_epi8(_mm_load_si128(x + 1), _mm_load_si128(y + 1));
  const __m128i e2 = _mm_cmpeq_epi8(_mm_load_si128(x + 2), _mm_load_si128(y + 2));
  return _mm_movemask_epi8(_mm_and_si128(e0, _mm_and_si128(e1, e2))) == 0xffff;
}

}  // namespace sluice::upf
