#include "upf-dataplane/pfcp/message.h"

#include <limits>

namespace sluice::upf::pfcp {
namespace {

// §7.2.2.1: the first octet.
constexpr uint8_t kSeidFlag = 0x01;
constexpr uint8_t kPriorityFlag = 0x02;
constexpr uint8_t kFollowOnFlag = 0x04;
constexpr unsigned kVersionShift = 5;

// The length field counts what follows the first four octets.
constexpr size_t kUncountedOctets = 4;

DecodeError discard(std::string reason) {
  return DecodeError{DecodeError::Kind::kDiscard, {}, {.reason = std::move(reason)}, 0};
}

// A later version's header may differ beyond the first octet, but GTP and PFCP keep the sequence
// number where version 1 has it; answering with it is the best one can do (§7.6.1).
DecodeError other_version(ByteReader rest, bool has_seid) {
  DecodeError error{DecodeError::Kind::kLaterVersion, {}, {.reason = "unsupported version"}, 0};
  if (has_seid) rest.take(8);
  error.header.sequence = rest.u24().value_or(0);
  return error;
}

}  // namespace

std::expected<DecodedMessage, DecodeError> decode(Bytes datagram) {
  ByteReader reader(datagram);
  const auto flags = reader.u8();
  const auto type = reader.u8();
  const auto length = reader.u16();
  if (!flags || !type || !length) return std::unexpected(discard("shorter than a header"));

  const unsigned version = *flags >> kVersionShift;
  if (version == 0) return std::unexpected(discard("not PFCP"));
  const bool has_seid = (*flags & kSeidFlag) != 0;
  if (version != kVersion) {
    // Answering such an answer could go back and forth for ever.
    if (static_cast<MessageType>(*type) == MessageType::kVersionNotSupportedResponse) {
      return std::unexpected(discard("the peer does not support our version"));
    }
    return std::unexpected(other_version(reader, has_seid));
  }

  const auto body = reader.take(*length);
  if (!body) return std::unexpected(discard("cut off: the length field exceeds the datagram"));
  const size_t size = kUncountedOctets + *length;
  const bool follow_on = (*flags & kFollowOnFlag) != 0;
  if (!follow_on && size != datagram.size()) {
    return std::unexpected(discard("bytes follow the message without the FO flag"));
  }

  ByteReader rest(*body);
  Header header{.type = static_cast<MessageType>(*type),
                .seid = {},
                .sequence = 0,
                .priority = {},
                .follow_on = follow_on};
  if (has_seid) header.seid = rest.u64();
  const auto sequence = rest.u24();
  const auto priority = rest.u8();
  if (has_seid != header.seid.has_value() || !sequence || !priority) {
    return std::unexpected(discard("shorter than its header"));
  }
  header.sequence = *sequence;
  if ((*flags & kPriorityFlag) != 0) header.priority = static_cast<uint8_t>(*priority >> 4);

  auto ies = decode_ies(rest.rest());
  if (!ies) {
    return std::unexpected(
        DecodeError{DecodeError::Kind::kReject, header, std::move(ies.error()), size});
  }
  return DecodedMessage{{header, *std::move(ies)}, size};
}

Result<std::vector<uint8_t>> encode(const Message& message) {
  const Header& header = message.header;
  if (header.sequence > kSequenceMask) return bad_field("sequence", "has more than 24 bits");
  if (header.priority.value_or(0) > 15) return bad_field("priority", "has more than 4 bits");

  uint8_t flags = kVersion << kVersionShift;
  if (header.seid) flags |= kSeidFlag;
  if (header.priority) flags |= kPriorityFlag;
  if (header.follow_on) flags |= kFollowOnFlag;

  ByteWriter out;
  out.u8(flags);
  out.u8(static_cast<uint8_t>(header.type));
  const size_t length_at = out.size();
  out.u16(0);
  if (header.seid) out.u64(*header.seid);
  out.u24(header.sequence);
  out.u8(static_cast<uint8_t>(header.priority.value_or(0) << 4));
  const bool fits = encode_ies(message.ies, out);
  const size_t length = out.size() - kUncountedOctets;
  if (!fits || length > std::numeric_limits<uint16_t>::max()) {
    return fail(ErrorCode::kResourceExhausted, "a PFCP length field cannot say how long this is");
  }
  out.patch_u16(length_at, static_cast<uint16_t>(length));
  return out.release();
}

Header response_header(const Header& request, std::optional<uint64_t> seid) {
  const auto* info = find_message(request.type);
  return Header{.type = info != nullptr ? info->response : request.type,
                .seid = seid,
                .sequence = request.sequence,
                .priority = request.priority,
                .follow_on = false};
}

}  // namespace sluice::upf::pfcp
