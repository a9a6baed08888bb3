#include "lab/gnb.h"

#include <algorithm>
#include <random>
#include <set>

namespace sluice::lab {
namespace {

constexpr uint32_t kMaxUeNumber = 0xffff;

uint32_t random_teid_base() {
  std::random_device random;
  return (random() | 1) << 16;
}

}  // namespace

Gnb::Gnb(EventLoop& loop) : loop_(loop), teid_base_(random_teid_base()) {}

Gnb::~Gnb() {
  for (const auto& [number, ue] : ues_) loop_.unwatch(ue->tun.get());
  for (const auto& socket : sockets_) loop_.unwatch(socket->fd());
}

Result<void> Gnb::listen(const IpAddress& own) {
  if (address(own.is_v4())) {
    return bad_field("gnb.addresses", "more than one address of a family");
  }
  auto socket = GtpuSocket::bind(own);
  if (!socket) return std::unexpected(socket.error());
  sockets_.push_back(std::make_unique<GtpuSocket>(std::move(*socket)));
  auto* added = sockets_.back().get();
  loop_.watch(added->fd(), EPOLLIN, [this, added](uint32_t) { receive(*added); });
  return {};
}

std::optional<IpAddress> Gnb::address(bool v4) const {
  for (const auto& socket : sockets_) {
    if (socket->own().is_v4() == v4) return socket->own();
  }
  return std::nullopt;
}

Result<Teid> Gnb::attach(UeNumber number, UniqueFd tun) {
  if (number.value() == 0 || number.value() > kMaxUeNumber) {
    return bad_field("ue", "{} is not within 1..{}", number.value(), kMaxUeNumber);
  }
  if (find(number) != nullptr) {
    return fail(ErrorCode::kConflict, "UE {} is attached already", number.value());
  }
  auto ue = std::make_unique<Ue>();
  ue->tun = std::move(tun);
  loop_.watch(ue->tun.get(), EPOLLIN, [this, u = ue.get()](uint32_t) { forward_uplink(*u); });
  ues_.emplace(number.value(), std::move(ue));
  return teid_of(number);
}

void Gnb::detach(UeNumber number) {
  const auto found = ues_.find(number.value());
  if (found == ues_.end()) return;
  loop_.unwatch(found->second->tun.get());
  ues_.erase(found);
}

void Gnb::set_tunnel(UeNumber number, const std::optional<UplinkTunnel>& tunnel) {
  auto* ue = find(number);
  if (ue == nullptr) return;
  ue->tunnel = tunnel;
  if (!tunnel) return;
  ue->peer = Endpoint(tunnel->peer, kGtpuPort);
  ue->socket = socket_for(tunnel->peer);
}

const UeCounters* Gnb::counters(UeNumber number) const {
  const auto found = ues_.find(number.value());
  return found == ues_.end() ? nullptr : &found->second->counters;
}

Gnb::Ue* Gnb::find(UeNumber number) {
  const auto found = ues_.find(number.value());
  return found == ues_.end() ? nullptr : found->second.get();
}

GtpuSocket* Gnb::socket_for(const IpAddress& peer) {
  for (const auto& socket : sockets_) {
    if (socket->own().is_v4() == peer.is_v4()) return socket.get();
  }
  return nullptr;
}

// One batch a call; what is left makes the loop call again, after the others had their turn.
void Gnb::forward_uplink(Ue& ue) {
  std::array<Bytes, PacketBatch::kSlots> datagrams;
  size_t count = 0;
  size_t bytes = 0;
  while (count < datagrams.size()) {
    const auto room = uplink_.packet(count);
    const auto n = read(ue.tun.get(), room.data(), room.size());
    if (n <= 0) break;
    const auto size = static_cast<size_t>(n);
    if (ue.tunnel) {
      const auto header = uplink_header(ue.tunnel->teid, ue.tunnel->qfi, size);
      std::ranges::copy(header, uplink_.whole(count).begin());
    }
    datagrams[count] = uplink_.whole(count).first(kUplinkHeaderSize + size);
    ++count;
    bytes += size;
  }
  if (!ue.tunnel || ue.socket == nullptr) {
    ue.counters.dropped_no_tunnel += count;
    return;
  }
  const size_t sent = ue.socket->send(std::span(datagrams).first(count), ue.peer);
  for (size_t i = sent; i < count; ++i) bytes -= datagrams[i].size() - kUplinkHeaderSize;
  ue.counters.uplink_packets += sent;
  ue.counters.uplink_bytes += bytes;
  ue.counters.dropped_send += count - sent;
}

void Gnb::receive(GtpuSocket& socket) {
  for (const auto& received : socket.receive()) handle(socket, received);
}

void Gnb::handle(GtpuSocket& socket, const Received& received) {
  const auto message = parse_gtpu(received.datagram);
  if (!message) {
    ++(message.error().code == ErrorCode::kUnsupported ? counters_.unsupported_extension
                                                       : counters_.malformed);
    return;
  }
  switch (message->type) {
    case GtpuType::kGPdu:
      deliver(socket, received, *message);
      return;
    case GtpuType::kEchoRequest:
      socket.send_one(echo_response(message->sequence), received.from);
      ++counters_.echo_requests_answered;
      return;
    case GtpuType::kEchoResponse:
      ++counters_.echo_responses;
      return;
    case GtpuType::kErrorIndication:
      note_error_indication(*message);
      return;
    case GtpuType::kEndMarker:
      ++counters_.end_markers;
      return;
    case GtpuType::kSupportedExtensionHeaders:
      return;  // tells what the peer can do; the lab sends nothing optional
  }
  ++counters_.unsupported_type;
}

void Gnb::deliver(GtpuSocket& socket, const Received& received, const GtpuMessage& message) {
  const UeNumber number(message.teid.value() & kMaxUeNumber);
  auto* ue = find(number);
  if (ue == nullptr || teid_of(number) != message.teid) {
    ++counters_.unknown_teid;
    // TS 29.281 §4.4.2.3: errors are told to the port for messages, whatever the source port was.
    socket.send_one(error_indication(message.teid, socket.own()),
                    Endpoint(received.from.address(), kGtpuPort));
    return;
  }
  if (write(ue->tun.get(), message.payload.data(), message.payload.size()) < 0) {
    ++ue->counters.dropped_device;
    return;
  }
  ++ue->counters.downlink_packets;
  ue->counters.downlink_bytes += message.payload.size();
  if (message.qfi) ue->counters.last_qfi = message.qfi;
}

void Gnb::note_error_indication(const GtpuMessage& message) {
  ++counters_.error_indications;
  const auto teid = error_indication_teid(message.payload);
  for (const auto& [number, ue] : ues_) {
    if (teid && ue->tunnel && ue->tunnel->teid == *teid) ++ue->counters.error_indications;
  }
}

void Gnb::send_echo_requests() {
  std::set<IpAddress> peers;
  for (const auto& [number, ue] : ues_) {
    if (ue->tunnel) peers.insert(ue->tunnel->peer);
  }
  for (const auto& peer : peers) {
    auto* socket = socket_for(peer);
    if (socket == nullptr) continue;
    socket->send_one(echo_request(++echo_sequence_), Endpoint(peer, kGtpuPort));
    ++counters_.echo_requests_sent;
  }
}

}  // namespace sluice::lab
