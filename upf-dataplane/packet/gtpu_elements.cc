#include "upf-dataplane/packet/gtpu_elements.h"

#include "upf-dataplane/packet/gtpu.h"

namespace sluice::upf {
namespace {

uint32_t read_u32(const uint8_t* at) {
  return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | at[3];
}

// The bytes of the element at the front, type and length included; 0 when it cannot be told. Below
// 128 a type has its own length (§8.1).
size_t element_bytes(Bytes elements) {
  size_t bytes = 0;
  if (elements[0] == kGtpuRecoveryIe) {
    bytes = 2;
  } else if (elements[0] == kGtpuTeidIe) {
    bytes = 5;
  } else if (elements[0] >= 128 && elements.size() >= 3) {
    bytes = 3 + (size_t{elements[1]} << 8 | elements[2]);
  }
  return bytes <= elements.size() ? bytes : 0;
}

}  // namespace

std::optional<UnknownTunnel> read_error_indication(Bytes message) {
  const auto view = parse_gtpu(message);
  if (!view || view->type != kGtpuErrorIndication) return std::nullopt;
  std::optional<uint32_t> teid;
  std::optional<IpAddress> peer;
  Bytes rest = message.subspan(view->header_bytes, view->payload_bytes);
  while (!rest.empty()) {
    const size_t bytes = element_bytes(rest);
    if (bytes == 0) break;
    if (rest[0] == kGtpuTeidIe) teid = read_u32(rest.data() + 1);
    if (rest[0] == kGtpuPeerAddressIe && bytes == 7) {
      peer = Ipv4Address::from_bytes(rest.data() + 3);
    } else if (rest[0] == kGtpuPeerAddressIe && bytes == 19) {
      peer = Ipv6Address::from_bytes(rest.data() + 3);
    }
    rest = rest.subspan(bytes);
  }
  if (!teid || !peer) return std::nullopt;
  return UnknownTunnel{*teid, *peer};
}

}  // namespace sluice::upf
