// A PFCP message: header (TS 29.244 §7.2.2) and elements.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <vector>

#include "base/error.h"
#include "upf-dataplane/pfcp/ie.h"
#include "upf-dataplane/pfcp/message_type.h"

namespace sluice::upf::pfcp {

inline constexpr uint8_t kVersion = 1;
inline constexpr uint16_t kPort = 8805;
inline constexpr uint32_t kSequenceMask = 0xffffff;

struct Header {
  MessageType type{};
  std::optional<uint64_t> seid = {};     // S flag: the receiver's SEID; 0 when it is not known
  uint32_t sequence = 0;                 // 24 bits
  std::optional<uint8_t> priority = {};  // MP flag: 0..15, 0 is the highest
  bool follow_on = false;                // FO flag: another message follows in the datagram

  bool operator==(const Header&) const = default;
};

struct Message {
  Header header = {};
  std::vector<Ie> ies = {};

  bool operator==(const Message&) const = default;
};

// Why bytes are not a message, and what the receiver has to do about it (§7.6).
struct DecodeError {
  enum class Kind {
    kDiscard,       // no usable header, or lengths contradict: silence
    kLaterVersion,  // a later version: answer Version Not Supported
    kReject,        // the header is good, the elements are not: answer `rejection`
  };
  Kind kind = Kind::kDiscard;
  Header header =
      {};  // as far as it was read; complete for kReject, the sequence for kLaterVersion
  Rejection rejection = {};
  size_t size = 0;  // bytes to skip to the message that follows; 0 when unknown
};

struct DecodedMessage {
  Message message;
  size_t size = 0;  // bytes used; more follow exactly when `follow_on` is set
};

// Decodes the first message of a datagram. An unknown message type decodes like any other.
std::expected<DecodedMessage, DecodeError> decode(Bytes datagram);

// The bytes of the message. kResourceExhausted when the message or one of its elements is longer
// than 65535 bytes, kInvalidArgument when the header holds what its fields cannot.
Result<std::vector<uint8_t>> encode(const Message& message);

// The header of the response to a request: same sequence number, `seid` as the requester knows the
// session.
Header response_header(const Header& request, std::optional<uint64_t> seid);

}  // namespace sluice::upf::pfcp
