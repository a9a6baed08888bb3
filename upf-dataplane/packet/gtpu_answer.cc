#include "upf-dataplane/packet/gtpu_answer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/packet/ethernet.h"
#include "upf-dataplane/packet/gtpu.h"
#include "upf-dataplane/packet/ip.h"

namespace sluice::upf {
namespace {

constexpr uint8_t kHops = 64;
constexpr size_t kLargestMessage = 64;

bool is_host(const uint8_t* address, bool is_v6) {
  if (!is_v6) return address[0] != 0 && address[0] != 127 && address[0] < 224;
  return address[0] != 0xff && std::any_of(address, address + 16, [](uint8_t b) { return b != 0; });
}

// A message of at most kLargestMessage bytes that is written from its front.
class Message {
 public:
  explicit Message(uint8_t type, uint8_t first_extension) {
    const uint8_t extension =
        first_extension != kGtpuExtensionNone ? kGtpuFlagExtension : uint8_t{0};
    // S is set in all messages of the path (§5.1), the TEID is 0.
    put({static_cast<uint8_t>(kGtpuVersion1 | kGtpuFlagSequence | extension), type, 0, 0, 0, 0, 0,
         0, 0, 0, 0, first_extension});
  }
  void put(std::initializer_list<uint8_t> bytes) { put({bytes.begin(), bytes.size()}); }
  void put(std::span<const uint8_t> bytes) {
    std::ranges::copy(bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += bytes.size();
  }
  std::span<const uint8_t> finish() {
    reinterpret_cast<GtpuHeader*>(bytes_.data())->length =
        static_cast<uint16_t>(size_ - sizeof(GtpuHeader));
    return {bytes_.data(), size_};
  }

 private:
  std::array<uint8_t, kLargestMessage> bytes_{};
  size_t size_ = 0;
};

// Puts the message into the frame, back to where the frame came from.
bool reply(Packet& frame, const MacAddress& own, const GtpuPlace& at,
           std::span<const uint8_t> message) {
  uint8_t* ip = frame.data + at.ip_offset;
  const bool is_v6 = ip[0] >> 4 == 6;
  const size_t address_bytes = is_v6 ? 16 : 4;
  std::array<uint8_t, 16> peer{};
  std::array<uint8_t, 16> self{};
  std::memcpy(peer.data(), ip + (is_v6 ? 8 : 12), address_bytes);
  std::memcpy(self.data(), ip + (is_v6 ? 24 : 16), address_bytes);
  if (!is_host(peer.data(), is_v6)) return false;

  const size_t ip_bytes = is_v6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header);
  const auto udp_bytes = static_cast<uint16_t>(sizeof(UdpHeader) + message.size());
  const auto wanted = static_cast<uint32_t>(at.ip_offset + ip_bytes + udp_bytes);
  if (frame.length < wanted && !frame.append(static_cast<uint16_t>(wanted - frame.length))) {
    return false;
  }
  frame.truncate(wanted);
  auto* ethernet = reinterpret_cast<EthernetHeader*>(frame.data);
  std::memcpy(ethernet->destination, ethernet->source, 6);
  std::memcpy(ethernet->source, own.bytes().data(), 6);

  auto* udp = reinterpret_cast<UdpHeader*>(ip + ip_bytes);
  *udp = {
      .source_port = kGtpuPort, .destination_port = kGtpuPort, .length = udp_bytes, .checksum = 0};
  std::ranges::copy(message, reinterpret_cast<uint8_t*>(udp + 1));
  if (!is_v6) {
    auto* v4 = reinterpret_cast<Ipv4Header*>(ip);
    *v4 = {.version_ihl = 0x45,
           .tos = 0,
           .total_length = static_cast<uint16_t>(ip_bytes + udp_bytes),
           .identification = 0,
           .flags_fragment = 0x4000,
           .ttl = kHops,
           .protocol = kProtoUdp,
           .checksum = 0,
           .source = {},
           .destination = {}};
    std::memcpy(ip + 12, self.data(), 4);
    std::memcpy(ip + 16, peer.data(), 4);
    v4->checksum = ip_checksum(ip, ip_bytes);
    return true;
  }
  auto* v6 = reinterpret_cast<Ipv6Header*>(ip);
  v6->version_class_label = 0x60000000U;
  v6->payload_length = udp_bytes;
  v6->next_header = kProtoUdp;
  v6->hop_limit = kHops;
  std::memcpy(v6->source, self.data(), 16);
  std::memcpy(v6->destination, peer.data(), 16);
  const uint64_t pseudo = pseudo_header_sum(self.data(), peer.data(), 16, udp_bytes, kProtoUdp);
  udp->checksum =
      udp_checksum_finish(checksum_add(pseudo, reinterpret_cast<const uint8_t*>(udp), udp_bytes));
  return true;
}

}  // namespace

bool has_unsupported_extension(Bytes message) {
  if (message.size() < sizeof(GtpuHeader) + sizeof(GtpuOptional)) return false;
  const auto* header = reinterpret_cast<const GtpuHeader*>(message.data());
  const size_t total = sizeof(GtpuHeader) + header->length;
  if ((header->flags & 0xf0) != kGtpuVersion1 || (header->flags & kGtpuFlagExtension) == 0 ||
      message.size() < total) {
    return false;
  }
  size_t at = sizeof(GtpuHeader) + sizeof(GtpuOptional);
  uint8_t next = message[at - 1];
  bool unsupported = false;
  for (int count = 0; next != kGtpuExtensionNone; ++count) {
    if (count == kMaxGtpuExtensions || total < at + 4) return false;
    const size_t length = size_t{message[at]} * 4;
    if (length == 0 || total < at + length) return false;
    unsupported |= next != kGtpuExtensionPduSession && (next & kGtpuComprehensionRequired) != 0;
    next = message[at + length - 1];
    at += length;
  }
  return unsupported;
}

bool answer_unknown_tunnel(Packet& frame, const MacAddress& own, const GtpuPlace& at,
                           uint32_t teid) {
  const uint8_t* ip = frame.data + at.ip_offset;
  const bool is_v6 = ip[0] >> 4 == 6;
  const uint16_t port = reinterpret_cast<const UdpHeader*>(frame.data + at.udp_offset)->source_port;
  Message message(kGtpuErrorIndication, kGtpuExtensionUdpPort);
  message.put({1, static_cast<uint8_t>(port >> 8), static_cast<uint8_t>(port), kGtpuExtensionNone});
  message.put({kGtpuTeidIe, static_cast<uint8_t>(teid >> 24), static_cast<uint8_t>(teid >> 16),
               static_cast<uint8_t>(teid >> 8), static_cast<uint8_t>(teid)});
  // The address that the G-PDU was sent to (§7.3.1).
  const uint8_t bytes = is_v6 ? 16 : 4;
  message.put({kGtpuPeerAddressIe, 0, bytes});
  message.put({ip + (is_v6 ? 24 : 16), bytes});
  return reply(frame, own, at, message.finish());
}

bool answer_unsupported_extension(Packet& frame, const MacAddress& own, const GtpuPlace& at) {
  Message message(kGtpuSupportedExtensions, kGtpuExtensionNone);
  message.put({kGtpuExtensionListIe, 1, kGtpuExtensionPduSession});
  return reply(frame, own, at, message.finish());
}

}  // namespace sluice::upf
