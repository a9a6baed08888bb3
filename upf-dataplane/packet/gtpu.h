// GTP-U (TS 29.281) and its PDU Session Container (TS 38.415).
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/net/big_endian.h"

namespace sluice::upf {

inline constexpr uint16_t kGtpuPort = 2152;

inline constexpr uint8_t kGtpuEchoRequest = 1;
inline constexpr uint8_t kGtpuEchoResponse = 2;
inline constexpr uint8_t kGtpuErrorIndication = 26;
inline constexpr uint8_t kGtpuSupportedExtensions = 31;
inline constexpr uint8_t kGtpuEndMarker = 254;
inline constexpr uint8_t kGtpuGpdu = 255;

inline constexpr uint8_t kGtpuVersion1 = 0x30;  // version 1, protocol type GTP
inline constexpr uint8_t kGtpuFlagExtension = 0x04;
inline constexpr uint8_t kGtpuFlagSequence = 0x02;
inline constexpr uint8_t kGtpuFlagNpdu = 0x01;

inline constexpr uint8_t kGtpuExtensionNone = 0x00;
inline constexpr uint8_t kGtpuExtensionUdpPort = 0x40;
inline constexpr uint8_t kGtpuExtensionPduSession = 0x85;
// In the type of an extension header: who does not know it must not take the message (§5.2.1).
inline constexpr uint8_t kGtpuComprehensionRequired = 0x80;
// Information elements (§8).
inline constexpr uint8_t kGtpuRecoveryIe = 14;
inline constexpr uint8_t kGtpuTeidIe = 16;
inline constexpr uint8_t kGtpuPeerAddressIe = 133;
inline constexpr uint8_t kGtpuExtensionListIe = 141;

struct GtpuHeader {
  uint8_t flags;
  uint8_t type;
  Be16 length;  // of what follows these eight bytes
  Be32 teid;
};
static_assert(sizeof(GtpuHeader) == 8);

// Present when any of the E, S and PN flags is set.
struct GtpuOptional {
  Be16 sequence;
  uint8_t npdu;
  uint8_t next_extension;
};
static_assert(sizeof(GtpuOptional) == 4);

// One extension of 4 bytes: the PDU Session Container as both directions of a plain flow use it.
struct PduSessionContainer {
  uint8_t length_words;  // 1
  uint8_t type_flags;    // high nibble: PDU type, 0 downlink, 1 uplink
  uint8_t flags_qfi;     // low 6 bits: QFI
  uint8_t next_extension;
};
static_assert(sizeof(PduSessionContainer) == 4);

// A parsed GTP-U header.
struct GtpuView {
  uint8_t type = 0;
  uint32_t teid = 0;
  std::optional<uint16_t> sequence;
  std::optional<uint8_t> qfi;  // from the PDU Session Container
  size_t header_bytes = 0;     // where the payload (T-PDU or IEs) begins
  size_t payload_bytes = 0;    // by the length field; what lies behind it is padding
};

// More extension headers than any sender has use for; a bound on the work per packet.
inline constexpr int kMaxGtpuExtensions = 8;

// As parse_gtpu(), into a view that is as it was made. Written in place: copying what was just
// written in pieces stalls a processor.
inline bool read_gtpu(Bytes bytes, GtpuView& view) {
  if (bytes.size() < sizeof(GtpuHeader)) return false;
  const auto* header = reinterpret_cast<const GtpuHeader*>(bytes.data());
  if ((header->flags & 0xf0) != kGtpuVersion1) return false;
  const size_t total = sizeof(GtpuHeader) + header->length;
  if (bytes.size() < total) return false;

  view.type = header->type;
  view.teid = header->teid;
  size_t at = sizeof(GtpuHeader);
  if ((header->flags & (kGtpuFlagExtension | kGtpuFlagSequence | kGtpuFlagNpdu)) != 0) {
    if (total < at + sizeof(GtpuOptional)) return false;
    const auto* optional = reinterpret_cast<const GtpuOptional*>(bytes.data() + at);
    at += sizeof(GtpuOptional);
    if ((header->flags & kGtpuFlagSequence) != 0) view.sequence = optional->sequence.get();
    uint8_t next =
        (header->flags & kGtpuFlagExtension) != 0 ? optional->next_extension : kGtpuExtensionNone;
    for (int count = 0; next != kGtpuExtensionNone; ++count) {
      if (count == kMaxGtpuExtensions || total < at + 4) return false;
      const size_t length = size_t{bytes[at]} * 4;
      if (length == 0 || total < at + length) return false;
      if (next == kGtpuExtensionPduSession) {
        view.qfi = bytes[at + 2] & 0x3f;
      } else if ((next & kGtpuComprehensionRequired) != 0) {
        return false;
      }
      next = bytes[at + length - 1];
      at += length;
    }
  }
  view.header_bytes = at;
  view.payload_bytes = total - at;
  return true;
}

// Parses a GTP-U message from its first byte (behind UDP). Nothing when it is malformed: not
// version 1 GTP, cut short, an extension of length zero or past the end or not to be ignored, too
// many extensions.
inline std::optional<GtpuView> parse_gtpu(Bytes bytes) {
  std::optional<GtpuView> view(std::in_place);
  if (!read_gtpu(bytes, *view)) view.reset();
  return view;
}

}  // namespace sluice::upf
