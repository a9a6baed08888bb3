// Reading the fields of one element's value, with one check at the end instead of one a field.
#pragma once

#include <string>
#include <utility>

#include "upf-dataplane/pfcp/values.h"

namespace sluice::upf::pfcp {

inline std::unexpected<ValueError> incorrect(std::string reason) {
  return std::unexpected(ValueError{Cause::kMandatoryIeIncorrect, std::move(reason)});
}
inline std::unexpected<ValueError> unsupported(std::string reason) {
  return std::unexpected(ValueError{Cause::kServiceNotSupported, std::move(reason)});
}
inline std::unexpected<ValueError> cut_off() {
  return std::unexpected(ValueError{Cause::kInvalidLength, "its value is cut off"});
}

// After a read past the end every field reads as zero and failed() stays true.
class ValueReader {
 public:
  explicit ValueReader(Bytes value) : in_(value) {}

  uint8_t u8() { return checked(in_.u8()); }
  uint16_t u16() { return checked(in_.u16()); }
  uint32_t u24() { return checked(in_.u24()); }
  uint32_t u32() { return checked(in_.u32()); }
  uint64_t u64() { return checked(in_.u64()); }
  Bytes take(size_t n) { return checked(in_.take(n)); }
  Ipv4Address v4() {
    const Bytes b = take(4);
    return failed_ ? Ipv4Address() : Ipv4Address::from_bytes(b.data());
  }
  Ipv6Address v6() {
    const Bytes b = take(16);
    return failed_ ? Ipv6Address() : Ipv6Address::from_bytes(b.data());
  }
  size_t remaining() const { return in_.remaining(); }
  Bytes rest() const { return in_.rest(); }

  bool failed() const { return failed_; }
  static std::unexpected<ValueError> error() { return cut_off(); }
  template <typename T>
  Read<T> finish(T value) const {
    if (failed_) return cut_off();
    return value;
  }

 private:
  template <typename T>
  T checked(std::optional<T> field) {
    if (!field) failed_ = true;
    return field && !failed_ ? *field : T{};
  }

  ByteReader in_;
  bool failed_ = false;
};

inline void write_v4(const Ipv4Address& a, ByteWriter& out) { out.append(a.bytes()); }
inline void write_v6(const Ipv6Address& a, ByteWriter& out) { out.append(a.bytes()); }

}  // namespace sluice::upf::pfcp
