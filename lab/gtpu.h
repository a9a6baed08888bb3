// GTP-U as a gNB speaks it (TS 29.281 §5, TS 38.415 §5.5).
//
// Written apart from the UPF's own parser on purpose: the lab judges the UPF, and a misreading of
// the standard must not hide behind the same misreading here.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/net/ip_address.h"
#include "base/strong_id.h"

namespace sluice::lab {

using Teid = StrongId<struct LabTeidTag, uint32_t>;

inline constexpr uint16_t kGtpuPort = 2152;

enum class GtpuType : uint8_t {  // TS 29.281 Table 6.1-1
  kEchoRequest = 1,
  kEchoResponse = 2,
  kErrorIndication = 26,
  kSupportedExtensionHeaders = 31,
  kEndMarker = 254,
  kGPdu = 255,
};

// One received message; `payload` points into the datagram it was parsed from.
struct GtpuMessage {
  GtpuType type = GtpuType::kGPdu;
  Teid teid;
  uint16_t sequence = 0;       // 0 when the header carries none
  std::optional<uint8_t> qfi;  // from a downlink PDU Session Container
  Bytes payload;               // a G-PDU's inner packet, or the information elements
};

// Takes a UDP payload. Extension headers are skipped in any order and number; one that must be
// understood (TS 29.281 §5.2.1) and is not fails with kUnsupported, a malformed header with
// kInvalidArgument.
Result<GtpuMessage> parse_gtpu(Bytes datagram);

// The header that precedes an uplink packet of `inner_size` octets: G-PDU with a PDU Session
// Container, PDU type 1 (TS 38.415 §5.5.2.2). `qfi` is 0..63.
inline constexpr size_t kUplinkHeaderSize = 16;
std::array<uint8_t, kUplinkHeaderSize> uplink_header(Teid teid, uint8_t qfi, size_t inner_size);

// Path management (TS 29.281 §7.2). Sent to kGtpuPort, answered to the request's source port.
std::vector<uint8_t> echo_request(uint16_t sequence);
std::vector<uint8_t> echo_response(uint16_t sequence);

// What a G-PDU for a TEID nobody knows is answered with (TS 29.281 §7.3.1); `own` is the address
// that G-PDU was sent to.
std::vector<uint8_t> error_indication(Teid unknown, const IpAddress& own);

// The TEID that an error indication's information elements complain about.
std::optional<Teid> error_indication_teid(Bytes payload);

}  // namespace sluice::lab
