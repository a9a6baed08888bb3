#include "upf-dataplane/session/prefix_index.h"

#include <bit>
#include <cstring>

namespace sluice::upf {
namespace {

// The upper 64 bits of an IPv6 address, or an IPv4 address followed by zeros.
uint64_t bits_of(const uint8_t* address, bool is_v6) {
  uint64_t raw = 0;
  std::memcpy(&raw, is_v6 ? address : address + 12, is_v6 ? 8 : 4);
  return std::byteswap(raw);
}

// A bit behind the prefix tells its length, so that those of all lengths are in one table.
uint64_t key_of(uint64_t bits, unsigned length) {
  const uint64_t end = uint64_t{1} << (63 - length);
  return (bits & ~(2 * end - 1)) | end;
}

uint64_t key_of(const IpPrefix& prefix) {
  return key_of(bits_of(prefix.address().v6().bytes().data(), !prefix.is_v4()), prefix.length());
}

}  // namespace

PrefixIndex::PrefixIndex(size_t capacity, Reclaimer& reclaimer)
    : capacity_(capacity), reclaimer_(reclaimer) {}

PrefixIndex::~PrefixIndex() = default;

bool PrefixIndex::can_hold(const IpPrefix& prefix) {
  return prefix.length() >= 1 && prefix.length() < (prefix.is_v4() ? 32U : 64U);
}

const Session* PrefixIndex::find(const uint8_t* address, bool is_v6) const {
  const Family& f = family(is_v6);
  uint64_t lengths = f.lengths.load(std::memory_order_acquire);
  if (lengths == 0) return nullptr;
  const Map* map = f.map.load(std::memory_order_acquire);
  const uint64_t bits = bits_of(address, is_v6);
  while (lengths != 0) {
    const auto longest = static_cast<unsigned>(63 - std::countl_zero(lengths));
    if (const Session* found = map->find(key_of(bits, longest))) return found;
    lengths &= ~(uint64_t{1} << longest);
  }
  return nullptr;
}

bool PrefixIndex::set(const IpPrefix& prefix, const Session* session) {
  Family& f = prefix.is_v4() ? v4_ : v6_;
  const uint64_t key = key_of(prefix);
  if (!f.owned) {
    if (session == nullptr) return true;
    f.owned = std::make_unique<Map>(capacity_, reclaimer_);
    f.map.store(f.owned.get(), std::memory_order_release);
  }
  uint32_t& count = f.counts[prefix.length()];
  const uint64_t bit = uint64_t{1} << prefix.length();
  const bool was_there = f.owned->find(key) != nullptr;
  if (session == nullptr) {
    f.owned->erase(key);
    if (was_there && --count == 0) f.lengths.fetch_and(~bit, std::memory_order_release);
    return true;
  }
  if (!f.owned->set(key, session)) return false;
  if (!was_there && count++ == 0) f.lengths.fetch_or(bit, std::memory_order_release);
  return true;
}

const Session* PrefixIndex::at(const IpPrefix& prefix) const {
  const Family& f = family(!prefix.is_v4());
  return f.owned ? f.owned->find(key_of(prefix)) : nullptr;
}

size_t PrefixIndex::bytes() const {
  return (v4_.owned ? v4_.owned->bytes() : 0) + (v6_.owned ? v6_.owned->bytes() : 0);
}

}  // namespace sluice::upf
