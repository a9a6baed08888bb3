// Bounds-checked reading and writing of wire formats.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "base/net/big_endian.h"

namespace sluice {

using Bytes = std::span<const uint8_t>;

// Reads forward over bytes that someone else owns. A read past the end fails and leaves the reader
// where it was.
class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : rest_(bytes) {}

  size_t remaining() const { return rest_.size(); }
  bool empty() const { return rest_.empty(); }
  Bytes rest() const { return rest_; }

  template <std::unsigned_integral T>
  std::optional<T> read() {
    if (rest_.size() < sizeof(T)) return std::nullopt;
    BigEndian<T> v;
    std::memcpy(&v, rest_.data(), sizeof(T));
    rest_ = rest_.subspan(sizeof(T));
    return v.get();
  }
  std::optional<uint8_t> u8() { return read<uint8_t>(); }
  std::optional<uint16_t> u16() { return read<uint16_t>(); }
  std::optional<uint32_t> u32() { return read<uint32_t>(); }
  std::optional<uint64_t> u64() { return read<uint64_t>(); }
  std::optional<uint32_t> u24() {
    if (rest_.size() < 3) return std::nullopt;
    const uint32_t v = uint32_t{rest_[0]} << 16 | uint32_t{rest_[1]} << 8 | uint32_t{rest_[2]};
    rest_ = rest_.subspan(3);
    return v;
  }
  std::optional<Bytes> take(size_t n) {
    if (rest_.size() < n) return std::nullopt;
    const Bytes head = rest_.first(n);
    rest_ = rest_.subspan(n);
    return head;
  }

 private:
  Bytes rest_;
};

// Appends to a buffer of its own.
class ByteWriter {
 public:
  size_t size() const { return bytes_.size(); }
  const std::vector<uint8_t>& bytes() const { return bytes_; }
  std::vector<uint8_t> release() { return std::move(bytes_); }

  template <std::unsigned_integral T>
  void write(T value) {
    const BigEndian<T> v(value);
    const auto* p = reinterpret_cast<const uint8_t*>(&v);
    bytes_.insert(bytes_.end(), p, p + sizeof(T));
  }
  void u8(uint8_t v) { bytes_.push_back(v); }
  void u16(uint16_t v) { write(v); }
  void u24(uint32_t v) {
    u8(static_cast<uint8_t>(v >> 16));
    u16(static_cast<uint16_t>(v));
  }
  void u32(uint32_t v) { write(v); }
  void u64(uint64_t v) { write(v); }
  void append(Bytes more) { bytes_.insert(bytes_.end(), more.begin(), more.end()); }
  // Overwrites two bytes written earlier: a length that is known only now.
  void patch_u16(size_t at, uint16_t value) {
    const Be16 v(value);
    std::memcpy(bytes_.data() + at, &v, sizeof v);
  }

 private:
  std::vector<uint8_t> bytes_;
};

}  // namespace sluice
