#include "lab/gtpu.h"

namespace sluice::lab {
namespace {

constexpr uint8_t kVersion1 = 1 << 5;
constexpr uint8_t kProtocolGtp = 1 << 4;
constexpr uint8_t kExtensionFlag = 1 << 2;
constexpr uint8_t kSequenceFlag = 1 << 1;
constexpr uint8_t kNPduFlag = 1 << 0;

constexpr uint8_t kNoMoreExtensions = 0;
constexpr uint8_t kPduSessionContainer = 0x85;
// TS 29.281 Figure 5.2.1-2: with bit 8 set the endpoint must understand the extension.
constexpr uint8_t kMustUnderstand = 0x80;
constexpr uint8_t kUplinkPduType = 1;  // TS 38.415 §5.5.3.1; the downlink's is 0

constexpr uint8_t kRecoveryIe = 14;      // TV, 1 octet
constexpr uint8_t kTeidDataIe = 16;      // TV, 4 octets
constexpr uint8_t kPeerAddressIe = 133;  // TLV

void write_header(ByteWriter& out, GtpuType type, Teid teid, uint16_t sequence) {
  out.u8(kVersion1 | kProtocolGtp | kSequenceFlag);
  out.u8(static_cast<uint8_t>(type));
  out.u16(0);  // length, see finish()
  out.u32(teid.value());
  out.u16(sequence);
  out.u8(0);  // N-PDU number
  out.u8(kNoMoreExtensions);
}

// The length counts from the ninth octet on (TS 29.281 §5.1).
std::vector<uint8_t> finish(ByteWriter out) {
  out.patch_u16(2, static_cast<uint16_t>(out.size() - 8));
  return out.release();
}

// Walks the chain that starts with an extension of type `next`; leaves `reader` at the payload.
Result<void> skip_extensions(ByteReader& reader, uint8_t next, GtpuMessage& message) {
  while (next != kNoMoreExtensions) {
    const auto units = reader.u8();  // of four octets, this one included
    if (!units || *units == 0) {
      return fail(ErrorCode::kInvalidArgument, "extension header of length 0");
    }
    const auto body = reader.take(size_t{*units} * 4 - 1);
    if (!body) return fail(ErrorCode::kInvalidArgument, "extension header past the end");
    if (next == kPduSessionContainer) {
      if ((*body)[0] >> 4 == 0) message.qfi = static_cast<uint8_t>((*body)[1] & 0x3f);
    } else if ((next & kMustUnderstand) != 0) {
      return fail(ErrorCode::kUnsupported, "extension header type {:#x}", next);
    }
    next = body->back();
  }
  return {};
}

}  // namespace

Result<GtpuMessage> parse_gtpu(Bytes datagram) {
  ByteReader reader(datagram);
  const auto flags = reader.u8();
  const auto type = reader.u8();
  const auto length = reader.u16();
  const auto teid = reader.u32();
  if (!teid) return fail(ErrorCode::kInvalidArgument, "shorter than a GTP-U header");
  if ((*flags & 0xf0) != (kVersion1 | kProtocolGtp)) {
    return fail(ErrorCode::kInvalidArgument, "not GTP version 1");
  }
  const auto counted = reader.take(*length);
  if (!counted) return fail(ErrorCode::kInvalidArgument, "length past the end of the datagram");
  reader = ByteReader(*counted);

  GtpuMessage message;
  message.type = static_cast<GtpuType>(*type);
  message.teid = Teid(*teid);
  // Any of the three flags brings all four optional octets; only flagged ones have a meaning.
  if ((*flags & (kExtensionFlag | kSequenceFlag | kNPduFlag)) != 0) {
    const auto sequence = reader.u16();
    const auto n_pdu = reader.u8();
    const auto next = reader.u8();
    if (!next || !n_pdu) return fail(ErrorCode::kInvalidArgument, "optional fields cut short");
    if ((*flags & kSequenceFlag) != 0) message.sequence = *sequence;
    if ((*flags & kExtensionFlag) != 0) {
      if (auto skipped = skip_extensions(reader, *next, message); !skipped) {
        return std::unexpected(skipped.error());
      }
    }
  }
  message.payload = reader.rest();
  return message;
}

std::array<uint8_t, kUplinkHeaderSize> uplink_header(Teid teid, uint8_t qfi, size_t inner_size) {
  const auto length = static_cast<uint16_t>(inner_size + kUplinkHeaderSize - 8);
  const uint32_t t = teid.value();
  return {kVersion1 | kProtocolGtp | kExtensionFlag,
          static_cast<uint8_t>(GtpuType::kGPdu),
          static_cast<uint8_t>(length >> 8),
          static_cast<uint8_t>(length),
          static_cast<uint8_t>(t >> 24),
          static_cast<uint8_t>(t >> 16),
          static_cast<uint8_t>(t >> 8),
          static_cast<uint8_t>(t),
          0,  // sequence number and N-PDU number: not flagged, hence not evaluated
          0,
          0,
          kPduSessionContainer,
          1,  // four octets
          kUplinkPduType << 4,
          static_cast<uint8_t>(qfi & 0x3f),
          kNoMoreExtensions};
}

std::vector<uint8_t> echo_request(uint16_t sequence) {
  ByteWriter out;
  write_header(out, GtpuType::kEchoRequest, Teid(0), sequence);
  return finish(std::move(out));
}

std::vector<uint8_t> echo_response(uint16_t sequence) {
  ByteWriter out;
  write_header(out, GtpuType::kEchoResponse, Teid(0), sequence);
  out.u8(kRecoveryIe);
  out.u8(0);  // TS 29.281 §7.2.2: the restart counter is always 0
  return finish(std::move(out));
}

std::vector<uint8_t> error_indication(Teid unknown, const IpAddress& own) {
  ByteWriter out;
  write_header(out, GtpuType::kErrorIndication, Teid(0), 0);
  out.u8(kTeidDataIe);
  out.u32(unknown.value());
  out.u8(kPeerAddressIe);
  if (own.is_v4()) {
    const auto bytes = own.v4().bytes();
    out.u16(bytes.size());
    out.append(bytes);
  } else {
    out.u16(16);
    out.append(own.v6().bytes());
  }
  return finish(std::move(out));
}

std::optional<Teid> error_indication_teid(Bytes payload) {
  ByteReader reader(payload);
  while (const auto type = reader.u8()) {
    if (*type == kTeidDataIe) {
      const auto teid = reader.u32();
      return teid ? std::optional(Teid(*teid)) : std::nullopt;
    }
    // TV elements (below 128) have no length of their own; of those only Recovery is defined
    // besides the TEID (TS 29.281 Table 8.1-1).
    size_t size = 1;
    if (*type >= 128) {
      const auto length = reader.u16();
      if (!length) return std::nullopt;
      size = *length;
    } else if (*type != kRecoveryIe) {
      return std::nullopt;
    }
    if (!reader.take(size)) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace sluice::lab
