// The words of a DNS message (RFC 1035 §4.1) and walking over its records.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace sluice::mep::dns {

inline constexpr size_t kHeaderBytes = 12;
inline constexpr size_t kMaxName = 255;           // octets in wire format
inline constexpr size_t kMinUdpPayload = 512;     // without EDNS (RFC 1035 §4.2.1)
inline constexpr size_t kOwnUdpPayload = 1232;    // never fragmented: DNS flag day 2020
inline constexpr size_t kMaxMessage = 65'535;     // over TCP
inline constexpr size_t kOptBytes = 11;           // an OPT record without options
inline constexpr uint16_t kOptionSubnet = 8;      // RFC 7871
inline constexpr uint16_t kDnssecOk = 0x8000;     // in the flags of an OPT record
inline constexpr uint16_t kNamePointer = 0xc00c;  // to the name of the question

enum class Rcode : uint16_t {
  kNoError = 0,
  kFormErr = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
  kBadVers = 16,  // needs EDNS for its upper bits
};

namespace flag {
inline constexpr uint16_t kResponse = 0x8000;
inline constexpr uint16_t kOpcode = 0x7800;
inline constexpr uint16_t kTruncated = 0x0200;
inline constexpr uint16_t kRecursionDesired = 0x0100;
inline constexpr uint16_t kRecursionAvailable = 0x0080;
inline constexpr uint16_t kAuthenticData = 0x0020;
inline constexpr uint16_t kCheckingDisabled = 0x0010;
inline constexpr uint16_t kRcode = 0x000f;
}  // namespace flag

namespace type {
inline constexpr uint16_t kA = 1;
inline constexpr uint16_t kNs = 2;
inline constexpr uint16_t kSoa = 6;
inline constexpr uint16_t kHinfo = 13;
inline constexpr uint16_t kAaaa = 28;
inline constexpr uint16_t kOpt = 41;
inline constexpr uint16_t kSvcb = 64;
inline constexpr uint16_t kHttps = 65;
inline constexpr uint16_t kTkey = 249;
inline constexpr uint16_t kIxfr = 251;
inline constexpr uint16_t kAxfr = 252;
inline constexpr uint16_t kAny = 255;
}  // namespace type

inline constexpr uint16_t kClassIn = 1;

// Big-endian integers within a message; `at` must lie within it.
uint16_t get_u16(Bytes message, size_t at);
uint32_t get_u32(Bytes message, size_t at);
void set_u16(std::span<uint8_t> message, size_t at, uint16_t value);
void set_u32(std::span<uint8_t> message, size_t at, uint32_t value);
void put_u16(std::vector<uint8_t>& message, uint16_t value);
void put_u32(std::vector<uint8_t>& message, uint32_t value);
void put_bytes(std::vector<uint8_t>& message, Bytes bytes);

struct Record {
  enum class Section : uint8_t { kAnswer, kAuthority, kAdditional };
  Section section = Section::kAnswer;
  bool at_root = false;  // its owner name is the root, uncompressed
  uint16_t type = 0;
  uint16_t record_class = 0;
  size_t ttl_at = 0;  // offset of its TTL in the message
  uint32_t ttl_s = 0;
  Bytes data;
};

// The offset behind the name at `at`, which may end in a pointer; nothing when it leaves the
// message.
std::optional<size_t> skip_name(Bytes message, size_t at);

// Visits the records behind the questions, in order. False when the message is cut short, goes on
// behind its last record, or has not exactly one question.
bool each_record(Bytes message, const std::function<void(const Record&)>& visit);

}  // namespace sluice::mep::dns
