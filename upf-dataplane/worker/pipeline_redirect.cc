// What the SMF redirects (Redirect Information, TS 29.244 §8.2.20): to another address, from which
// replies come back as if from the one that the UE sent to, or, for a URL, by an answer to HTTP.
// MEC rules have no say: an SMF redirects where it no longer permits.
#include "upf-dataplane/packet/hops.h"
#include "upf-dataplane/packet/http_redirect.h"
#include "upf-dataplane/packet/readdress.h"
#include "upf-dataplane/worker/pipeline.h"

namespace sluice::upf {

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
  if (!original) return;
  readdress(work.packet->data + work.inner_offset, work.layout, work.key.protocol, false,
            original->data());
  std::memcpy(work.key.source, original->data(), original->size());
  work.key.bits |= FlowKey::kRedirected;
}

// What a session may have besides its UE and the data network.
void Pipeline::look_closer(Work& work) const {
  if (work.session->is_core_tunnel(work.key.origin)) come_from_core(work);
  if (work.session->redirects()) restore_source(work);
}

}  // namespace sluice::upf
