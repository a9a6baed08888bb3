#include "upf-dataplane/packet/http_redirect.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/packet/ip.h"

namespace sluice::upf {
namespace {

constexpr uint16_t kHttpPort = 80;
constexpr uint8_t kHops = 64;
constexpr uint16_t kWindow = 0xffff;
// So that a request of the usual length comes in one segment, through tunnels too.
constexpr uint8_t kMss[4] = {2, 4, 1300 >> 8, 1300 & 0xff};

bool is_request(std::string_view payload) {
  constexpr std::array<std::string_view, 8> kMethods = {"GET ",    "HEAD ",    "POST ",  "PUT ",
                                                        "DELETE ", "OPTIONS ", "PATCH ", "TRACE "};
  return std::ranges::any_of(kMethods, [&](auto method) { return payload.starts_with(method); });
}

// What answers a segment, in the words of RFC 9293.
struct Segment {
  uint8_t flags = 0;
  uint32_t sequence = 0;
  uint32_t acknowledgement = 0;
  std::string_view payload = {};
};

// The initial sequence number of a connection to nobody. It protects nothing: who sends from the
// UE's address is the UE.
uint32_t initial_sequence(uint32_t of_ue) { return of_ue * 0x9e3779b1U; }

std::optional<Segment> refuse(const TcpHeader& tcp, uint32_t behind) {
  if ((tcp.flags & kTcpAck) != 0) return Segment{.flags = kTcpRst, .sequence = tcp.acknowledgement};
  return Segment{.flags = kTcpRst | kTcpAck, .acknowledgement = behind};
}

std::optional<Segment> answer(const TcpHeader& tcp, std::string_view payload,
                              std::string_view response) {
  const bool syn = (tcp.flags & kTcpSyn) != 0;
  const bool fin = (tcp.flags & kTcpFin) != 0;
  const bool ack = (tcp.flags & kTcpAck) != 0;
  if ((tcp.flags & kTcpRst) != 0) return std::nullopt;
  // Behind all that the segment takes of the sequence.
  const auto behind =
      static_cast<uint32_t>(tcp.sequence + payload.size() + (syn ? 1 : 0) + (fin ? 1 : 0));
  if (tcp.destination_port != kHttpPort) return refuse(tcp, behind);
  if (syn) {
    if (ack) return refuse(tcp, behind);
    return Segment{.flags = kTcpSyn | kTcpAck,
                   .sequence = initial_sequence(tcp.sequence),
                   .acknowledgement = behind};
  }
  if (!ack) return std::nullopt;
  Segment out{.flags = kTcpAck, .sequence = tcp.acknowledgement, .acknowledgement = behind};
  // Whoever ends a connection without having asked for anything is told of its end, too.
  if (fin && tcp.acknowledgement == initial_sequence(tcp.sequence - 1) + 1) out.flags |= kTcpFin;
  if (is_request(payload)) {
    // The end with it: whoever reads it needs no more, and nothing remains to be remembered.
    out.flags = kTcpAck | kTcpPsh | kTcpFin;
    out.payload = response;
    return out;
  }
  if (!fin && payload.empty()) return std::nullopt;
  return out;
}

// Room for `bytes` behind the IP header of `ip_bytes`.
bool resize(Packet& packet, size_t bytes) {
  if (bytes <= packet.length) {
    packet.truncate(static_cast<uint32_t>(bytes));
    return true;
  }
  return bytes - packet.length <= 0xffff &&
         packet.append(static_cast<uint16_t>(bytes - packet.length));
}

// The addresses change places; the length is what lies behind. Returns the pseudo header's sum.
uint64_t turn_round(uint8_t* ip, size_t tcp_bytes) {
  const auto length = static_cast<uint32_t>(tcp_bytes);
  if (ip[0] >> 4 == 4) {
    auto* v4 = reinterpret_cast<Ipv4Header*>(ip);
    std::swap(v4->source, v4->destination);
    v4->total_length = static_cast<uint16_t>(sizeof(Ipv4Header) + tcp_bytes);
    v4->ttl = kHops;
    v4->checksum = 0;
    v4->checksum = ip_checksum(ip, sizeof(Ipv4Header));
    return pseudo_header_sum(ip + 12, ip + 16, 4, length, kProtoTcp);
  }
  auto* v6 = reinterpret_cast<Ipv6Header*>(ip);
  std::swap_ranges(v6->source, v6->source + 16, v6->destination);
  v6->payload_length = static_cast<uint16_t>(tcp_bytes);
  v6->hop_limit = kHops;
  return pseudo_header_sum(v6->source, v6->destination, 16, length, kProtoTcp);
}

}  // namespace

std::string redirect_response(std::string_view url) {
  return "HTTP/1.1 302 Found\r\nLocation: " + std::string(url) +
         "\r\nContent-Length: 0\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n";
}

bool answer_http(Packet& packet, const InnerLayout& layout, std::string_view response) {
  uint8_t* ip = packet.data;
  const bool is_v6 = ip[0] >> 4 == 6;
  const size_t ip_bytes = is_v6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header);
  if (layout.is_fragment || layout.l4_offset != ip_bytes ||
      layout.total_bytes < ip_bytes + sizeof(TcpHeader)) {
    return false;
  }
  auto* tcp = reinterpret_cast<TcpHeader*>(ip + ip_bytes);
  const size_t payload_at = ip_bytes + tcp->header_bytes();
  if (tcp->header_bytes() < sizeof(TcpHeader) || payload_at > layout.total_bytes) return false;
  const std::string_view payload(reinterpret_cast<const char*>(ip) + payload_at,
                                 layout.total_bytes - payload_at);
  const auto out = answer(*tcp, payload, response);
  if (!out) return false;
  const size_t options = (out->flags & kTcpSyn) != 0 ? sizeof kMss : 0;
  const size_t tcp_bytes = sizeof(TcpHeader) + options + out->payload.size();
  if (!resize(packet, ip_bytes + tcp_bytes)) return false;

  std::swap(tcp->source_port, tcp->destination_port);
  tcp->sequence = out->sequence;
  tcp->acknowledgement = out->acknowledgement;
  tcp->offset = static_cast<uint8_t>((sizeof(TcpHeader) + options) / 4 << 4);
  tcp->flags = out->flags;
  tcp->window = kWindow;
  tcp->urgent = 0;
  uint8_t* const rest = ip + ip_bytes + sizeof(TcpHeader);
  if (options != 0) std::memcpy(rest, kMss, sizeof kMss);
  if (!out->payload.empty()) std::memcpy(rest, out->payload.data(), out->payload.size());
  tcp->checksum = 0;
  const uint64_t pseudo = turn_round(ip, tcp_bytes);
  tcp->checksum = checksum_finish(checksum_add(pseudo, ip + ip_bytes, tcp_bytes));
  return true;
}

}  // namespace sluice::upf
