#include "upf-dataplane/control/packet_buffer.h"

#include <algorithm>

namespace sluice::upf {
namespace {

constexpr uint16_t kHeadroom = 128;  // for the tunnel's headers
constexpr uint16_t kTailroom = 64;
constexpr size_t kCachedFlows = 64;  // releasing is rare; nothing is worth remembering

}  // namespace

PacketBuffer::PacketBuffer(const BufferLimits& limits, const SharedState& shared,
                           WorkerCounters& counters, Neighbours& neighbours, FrameSender& sender,
                           const Clock& clock, std::function<uint64_t()> ticks)
    : limits_(limits),
      shared_(shared),
      counters_(counters),
      neighbours_(neighbours),
      sender_(sender),
      clock_(clock),
      ticks_(std::move(ticks)),
      pipeline_(shared, counters, kCachedFlows) {}

void PacketBuffer::hold(uint32_t slot, PortIndex port, std::span<const uint8_t> frame,
                        const Session& session) {
  Held held{.port = port, .frame = {frame.begin(), frame.end()}, .order = ++last_order_};
  const auto found = queues_.find(slot);
  const bool is_first = found == queues_.end() || found->second.held.empty();
  // Handed over just before its session began to forward.
  const bool ready = is_ready(session);
  if (is_first && ready && process(held, session)) return;
  Queue& queue = queues_[slot];
  if (!ready && !queue.waiting_since) queue.waiting_since = clock_.now();
  append(slot, queue, std::move(held));
}

void PacketBuffer::append(uint32_t slot, Queue& queue, Held held) {
  if (queue.held.empty()) oldest_.emplace(held.order, slot);
  const size_t size = held.frame.size();
  queue.bytes += size;
  bytes_ += size;
  ++packets_;
  queue.held.push_back(std::move(held));
  const size_t most =
      std::min(limits_.packets_per_session, queue.suggested.value_or(limits_.packets_per_session));
  while (queue.held.size() > most || queue.bytes > limits_.bytes_per_session) {
    drop_oldest(slot, DropReason::kBufferFull);
  }
  while (packets_ > limits_.packets || bytes_ > limits_.bytes) {
    drop_oldest(oldest_.begin()->second, DropReason::kBufferFull);
  }
}

void PacketBuffer::drop_oldest(uint32_t slot, DropReason reason) {
  Queue& queue = queues_.at(slot);
  const Held& first = queue.held.front();
  oldest_.erase(first.order);
  queue.bytes -= first.frame.size();
  bytes_ -= first.frame.size();
  --packets_;
  queue.held.pop_front();
  if (!queue.held.empty()) oldest_.emplace(queue.held.front().order, slot);
  count(reason);
}

void PacketBuffer::set_suggested(uint32_t slot, std::optional<size_t> packets) {
  const auto found = queues_.find(slot);
  if (found == queues_.end() && !packets) return;
  Queue& queue = queues_[slot];
  queue.suggested = packets;
  if (queue.held.empty() && !packets) queues_.erase(slot);
}

bool PacketBuffer::is_ready(const Session& session) const {
  return std::ranges::all_of(session.all_pdrs(), [&](const CompiledPdr& pdr) {
    return !pdr.forward || !pdr.encapsulate || shared_.next_hops.get(pdr.peer_hop).reachable();
  });
}

void PacketBuffer::release(const Session& session) {
  const auto found = queues_.find(session.slot());
  if (found == queues_.end()) return;
  Queue& queue = found->second;
  if (queue.held.empty()) {
    if (!queue.suggested) queues_.erase(found);
    return;
  }
  const auto now = clock_.now();
  if (!is_ready(session) && now - queue.waiting_since.value_or(now) < kPatience) {
    if (!queue.waiting_since) queue.waiting_since = now;
    return;
  }
  queue.waiting_since.reset();
  oldest_.erase(queue.held.front().order);
  std::deque<Held> kept;
  for (Held& held : queue.held) {
    const size_t size = held.frame.size();
    if (!process(held, session)) {
      kept.push_back(std::move(held));
      continue;
    }
    queue.bytes -= size;
    bytes_ -= size;
    --packets_;
  }
  queue.held = std::move(kept);
  if (!queue.held.empty()) {
    oldest_.emplace(queue.held.front().order, session.slot());
  } else if (!queue.suggested) {
    queues_.erase(found);
  }
}

void PacketBuffer::retry(const std::function<const Session*(uint32_t slot)>& find) {
  std::vector<uint32_t> waiting;
  for (const auto& [slot, queue] : queues_) {
    if (queue.waiting_since) waiting.push_back(slot);
  }
  for (const uint32_t slot : waiting) {
    if (const Session* session = find(slot)) release(*session);
  }
}

bool PacketBuffer::process(const Held& held, const Session& session) {
  std::vector<uint8_t> buffer(kHeadroom + held.frame.size() + kTailroom);
  std::ranges::copy(held.frame, buffer.begin() + kHeadroom);
  Packet packet{.data = buffer.data() + kHeadroom,
                .length = static_cast<uint32_t>(held.frame.size()),
                .headroom = kHeadroom,
                .tailroom = kTailroom,
                .in_port = held.port};
  pipeline_.process({&packet, 1}, ticks_(), &session);
  for (const WorkerEvent& event : pipeline_.events()) told_.push_back(event.slot);
  if (packet.verdict == Verdict::kHold) return false;
  if (packet.verdict == Verdict::kSend) {
    sender_.send(packet.out_port, Frame(packet.data, packet.data + packet.length));
  } else if (packet.verdict == Verdict::kPuntResolve) {
    neighbours_.resolve_and_send(packet.out_port, Frame(packet.data, packet.data + packet.length));
  }
  return true;
}

void PacketBuffer::drop(uint32_t slot) {
  const auto found = queues_.find(slot);
  if (found == queues_.end()) return;
  while (!found->second.held.empty()) drop_oldest(slot, DropReason::kBufferDropped);
  queues_.erase(found);
}

}  // namespace sluice::upf
