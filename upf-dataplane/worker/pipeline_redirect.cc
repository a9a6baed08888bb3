// What the SMF redirects (Redirect Information, TS 29.244 §8.2.20): to another address, from which
// replies come back as if from the one that the UE sent to, or, for a URL, by an answer to HTTP.
// MEC rules have no say: an SMF redirects where it no longer permits.
#include <algorithm>

#include "upf-dataplane/packet/hops.h"
#include "upf-dataplane/packet/http_redirect.h"
#include "upf-dataplane/packet/icmp_error.h"
#include "upf-dataplane/packet/readdress.h"
#include "upf-dataplane/worker/pipeline.h"

namespace sluice::upf {
namespace {

constexpr size_t kQuotedHeaders = 128;  // of a quoted packet, as much as is looked at

}  // namespace

void Pipeline::redirect(Work& work, const CompiledPdr& pdr) {
  Packet& packet = *work.packet;
  const CompiledRedirect& to = *work.session->extras(pdr).redirect;
  if (is_not_forwardable(work.key.destination, work.key.is_v6())) {
    return drop(packet, DropReason::kNotForwardable);
  }
  if (!open(work)) return;
  if (!to.response.empty()) {
    if (work.key.protocol != kProtoTcp || !answer_http(packet, work.layout, to.response)) {
      return drop(packet, DropReason::kRedirected);
    }
    FlowKey reply = reversed(work.key);
    reply.bits |= FlowKey::kRedirected;
    return reply_to_ue(work, reply, Answer::kRedirect);
  }
  const bool is_v6 = work.key.is_v6();
  if (!to.has(is_v6)) return drop(packet, DropReason::kRedirected);
  FlowKey reply = reversed(work.key);
  std::memcpy(reply.source, to.address(is_v6), 16);
  const uint32_t serial = work.session->serial();
  if (std::memcmp(work.key.destination, reply.source, 16) == 0) {
    if (!dry_) shared_.redirections->forget(reply, serial, now_);
  } else {
    if (!dry_ && !shared_.redirections->remember(reply, serial, work.key.destination, now_)) {
      return drop(packet, DropReason::kRedirected);
    }
    readdress(packet.data, work.layout, work.key.protocol, true, reply.source);
    std::memcpy(work.key.destination, reply.source, 16);
  }
  if (pdr.encapsulate) return send_to_upf(work, pdr);
  send_to_network(work, pdr);
}

// The reply to a packet that was redirected gets back the address that the UE knows, before
// anything is decided about it. Fragments without ports belong to flows without ports.
void Pipeline::restore_source(Work& work) const {
  if (work.key.direction() == Direction::kUplink) return;
  const auto original = shared_.redirections->find(work.key, work.session->serial());
  if (!original) return restore_quoted(work);
  readdress(work.packet->data + work.inner_offset, work.layout, work.key.protocol, false,
            original->data());
  std::memcpy(work.key.source, original->data(), original->size());
  work.key.bits |= FlowKey::kRedirected;
}

// What an ICMP error about a redirected packet quotes gets back the address that the UE knows: it
// would not find the socket whose packets are too big otherwise (RFC 5508 §4.2 for translators).
void Pipeline::restore_quoted(Work& work) const {
  uint8_t* ip = work.packet->data + work.inner_offset;
  const size_t at = work.layout.l4_offset + sizeof(IcmpHeader);
  if (work.layout.l4_offset == 0 || work.layout.is_fragment || at >= work.layout.total_bytes ||
      !is_icmp_error(work.key.protocol, ip[work.layout.l4_offset])) {
    return;
  }
  // Its headers are here, though seldom all of it: read as if it ended where the quotation does.
  const size_t bytes = std::min<size_t>(work.layout.total_bytes - at, kQuotedHeaders);
  uint8_t* quoted = ip + at;
  uint8_t before[kQuotedHeaders], whole[kQuotedHeaders];
  std::memcpy(before, quoted, bytes);
  std::memcpy(whole, quoted, bytes);
  const bool is_v6 = work.key.is_v6();
  if (bytes < (is_v6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header))) return;
  if (is_v6) {
    reinterpret_cast<Ipv6Header*>(whole)->payload_length =
        static_cast<uint16_t>(bytes - sizeof(Ipv6Header));
  } else {
    reinterpret_cast<Ipv4Header*>(whole)->total_length = static_cast<uint16_t>(bytes);
  }
  FlowKey sent;
  InnerLayout layout;
  if (!parse_inner({whole, bytes}, {}, sent, layout) || sent.is_v6() != is_v6) return;
  const auto original = shared_.redirections->find(reversed(sent), work.session->serial());
  if (!original) return;
  readdress(quoted, layout, sent.protocol, true, original->data());
  auto* icmp = reinterpret_cast<IcmpHeader*>(ip + work.layout.l4_offset);
  icmp->checksum = checksum_replace(icmp->checksum, before, quoted, bytes & ~size_t{1});
  work.key.bits |= FlowKey::kRedirected;
}

// The addresses that the sender of a packet has given it, before it is told of an error: to whom,
// or, of a reply, from whom.
void Pipeline::undo_redirection(Work& work) const {
  uint8_t* ip = work.packet->data;
  const uint32_t serial = work.session->serial();
  if (work.key.direction() == Direction::kUplink) {
    const auto original = shared_.redirections->find(reversed(work.key), serial);
    if (!original) return;
    readdress(ip, work.layout, work.key.protocol, true, original->data());
    std::memcpy(work.key.destination, original->data(), original->size());
    return;
  }
  if ((work.key.bits & FlowKey::kRedirected) == 0) return;
  const bool is_v6 = work.key.is_v6();
  for (const PdrExtras& extras : work.session->all_extras()) {
    if (!extras.redirect || !extras.redirect->has(is_v6)) continue;
    FlowKey came = work.key;
    std::memcpy(came.source, extras.redirect->address(is_v6), 16);
    const auto original = shared_.redirections->find(came, serial);
    if (!original || std::memcmp(original->data(), work.key.source, original->size()) != 0) {
      continue;
    }
    readdress(ip, work.layout, work.key.protocol, false, came.source);
    std::memcpy(work.key.source, came.source, 16);
    return;
  }
}

// What a session may have besides its UE and the data network.
void Pipeline::look_closer(Work& work) const {
  if (work.session->is_core_tunnel(work.key.origin)) come_from_core(work);
  if (work.session->redirects()) restore_source(work);
}

}  // namespace sluice::upf
