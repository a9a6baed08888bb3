// The pipeline's DNS answers: the query becomes its response and leaves by the UE's own tunnel.
#include <utility>

#include "upf-dataplane/dns/dns_responder.h"
#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/worker/pipeline.h"

namespace sluice::upf {
namespace {

constexpr uint8_t kReplyHops = 64;
// The largest response is well below; the room behind the query is what the buffer has.
constexpr size_t kMaxResponse = 1232;

// Completes the headers in front of a response that has taken the query's place.
void finish_headers(uint8_t* ip, size_t l4_offset, size_t udp_bytes) {
  auto* udp = reinterpret_cast<UdpHeader*>(ip + l4_offset);
  std::swap(udp->source_port, udp->destination_port);
  udp->length = static_cast<uint16_t>(udp_bytes);
  udp->checksum = 0;
  uint64_t pseudo;
  if (ip[0] >> 4 == 4) {
    auto* v4 = reinterpret_cast<Ipv4Header*>(ip);
    std::swap(v4->source, v4->destination);
    v4->ttl = kReplyHops;
    v4->total_length = static_cast<uint16_t>(l4_offset + udp_bytes);
    v4->checksum = 0;
    v4->checksum = ip_checksum(ip, v4->header_bytes());
    pseudo = pseudo_header_sum(ip + 12, ip + 16, 4, static_cast<uint32_t>(udp_bytes), kProtoUdp);
  } else {
    auto* v6 = reinterpret_cast<Ipv6Header*>(ip);
    std::swap_ranges(v6->source, v6->source + 16, v6->destination);
    v6->hop_limit = kReplyHops;
    v6->payload_length = static_cast<uint16_t>(udp_bytes);
    pseudo = pseudo_header_sum(v6->source, v6->destination, 16, static_cast<uint32_t>(udp_bytes),
                               kProtoUdp);
  }
  udp->checksum = udp_checksum_finish(checksum_add(pseudo, ip + l4_offset, udp_bytes));
}

// A datagram that stands alone: no fragment, nothing between IP and UDP.
bool is_whole_datagram(const uint8_t* ip) {
  if (ip[0] >> 4 == 4) return !reinterpret_cast<const Ipv4Header*>(ip)->is_fragment();
  return reinterpret_cast<const Ipv6Header*>(ip)->next_header == kProtoUdp;
}

}  // namespace

bool Pipeline::answer_dns_query(Work& work) {
  Packet& packet = *work.packet;  // just the user's IP packet by now
  const size_t dns_offset = work.layout.l4_offset + sizeof(UdpHeader);
  if (packet.length < dns_offset || !is_whole_datagram(packet.data)) return false;
  const auto* udp = reinterpret_cast<const UdpHeader*>(packet.data + work.layout.l4_offset);
  const size_t query_bytes = packet.length - dns_offset;
  if (udp->length != query_bytes + sizeof(UdpHeader)) return false;

  const size_t room = std::min(query_bytes + packet.tailroom, kMaxResponse);
  if (room < query_bytes) return false;
  const auto answer = answer_dns({packet.data + dns_offset, room}, query_bytes, steering_->dns);
  if (!answer) return false;

  if (answer->bytes > query_bytes) {
    packet.append(static_cast<uint16_t>(answer->bytes - query_bytes));
  } else {
    packet.truncate(static_cast<uint32_t>(dns_offset + answer->bytes));
  }
  finish_headers(packet.data, work.layout.l4_offset, sizeof(UdpHeader) + answer->bytes);
  work.layout.total_bytes = static_cast<uint16_t>(packet.length);
  // As if the resolver had sent it.
  reply_to_ue(work, reversed(work.key), Answer::kDns);
  if (answer->first != nullptr && packet.verdict == Verdict::kSend) {
    count_rule(work, answer->first->counter);
  }
  return true;
}

}  // namespace sluice::upf
