#include "upf-dataplane/control/packet_buffer.h"

#include <algorithm>

namespace sluice::upf {

namespace {

constexpr size_t kEthernet = 14;

}  // namespace

PacketBuffer::PacketBuffer(const BufferLimits& limits, const SharedState& shared,
                           WorkerCounters& counters, ControlPipeline& pipeline, const Clock& clock)
    : limits_(limits), shared_(shared), counters_(counters), pipeline_(pipeline), clock_(clock) {}

void PacketBuffer::hold(uint32_t slot, PdrId pdr, PortIndex port, std::span<const uint8_t> frame,
                        const Session& session, const FragmentPorts* ports) {
  Held held{
      .port = port, .pdr = pdr, .frame = {frame.begin(), frame.end()}, .order = ++last_order_};
  if (ports != nullptr) held.ports = *ports;
  const auto found = queues_.find(slot);
  const bool waits = found != queues_.end() && found->second.waiting_since;
  const bool ready = is_ready(session);
  // Handed over just before its session began to forward. What is held and waits for no neighbour
  // is what the session still buffers: it need not be overtaken, nor waited for.
  if (!waits && ready && !buffers(session, pdr) && process(held, session)) return;
  Queue& queue = queues_[slot];
  if (!ready) wait(slot, queue);
  append(slot, queue, std::move(held));
}

bool PacketBuffer::buffers(const Session& session, PdrId id) {
  for (const auto pdrs : session.all_pdrs()) {
    const auto pdr = std::ranges::find(pdrs, id.value(), &CompiledPdr::id);
    if (pdr == pdrs.end()) continue;
    return !pdr->forward && (pdr->special & CompiledPdr::kBuffers) != 0;
  }
  return false;
}

void PacketBuffer::wait(uint32_t slot, Queue& queue) {
  if (queue.waiting_since) return;
  queue.waiting_since = clock_.now();
  waiting_.insert(slot);
}

void PacketBuffer::settle(std::map<uint32_t, Queue>::iterator queue) {
  if (queue->second.held.empty()) {
    waiting_.erase(queue->first);
    queue->second.waiting_since.reset();
    if (!queue->second.suggested) queues_.erase(queue);
  }
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
  if (on_drop_) on_drop_(slot, first.pdr, static_cast<uint32_t>(first.frame.size() - kEthernet));
  oldest_.erase(first.order);
  queue.bytes -= first.frame.size();
  bytes_ -= first.frame.size();
  --packets_;
  queue.held.pop_front();
  if (!queue.held.empty()) oldest_.emplace(queue.held.front().order, slot);
  count(reason);
}

void PacketBuffer::set_suggested(uint32_t slot, std::optional<size_t> packets) {
  if (!packets && !queues_.contains(slot)) return;
  const auto queue = queues_.try_emplace(slot).first;
  queue->second.suggested = packets;
  settle(queue);
}

bool PacketBuffer::is_ready(const Session& session) const {
  const auto can_send = [&](const CompiledPdr& pdr) {
    const bool to_ue = pdr.forward && pdr.encapsulate && (pdr.special & CompiledPdr::kToCp) == 0;
    return !to_ue || shared_.next_hops.get(pdr.peer_hop).reachable();
  };
  return std::ranges::all_of(session.all_pdrs(),
                             [&](const auto pdrs) { return std::ranges::all_of(pdrs, can_send); });
}

void PacketBuffer::release(const Session& session) {
  const auto found = queues_.find(session.slot());
  if (found == queues_.end() || found->second.held.empty()) return;
  Queue& queue = found->second;
  const auto now = clock_.now();
  if (!is_ready(session) && now - queue.waiting_since.value_or(now) < kPatience) {
    return wait(session.slot(), queue);
  }
  queue.waiting_since.reset();
  waiting_.erase(session.slot());
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
  if (!queue.held.empty()) oldest_.emplace(queue.held.front().order, session.slot());
  settle(found);
}

void PacketBuffer::retry(const std::function<const Session*(uint32_t slot)>& find) {
  if (waiting_.empty()) return;
  const std::vector<uint32_t> waiting(waiting_.begin(), waiting_.end());
  for (const uint32_t slot : waiting) {
    if (const Session* session = find(slot)) release(*session);
  }
}

bool PacketBuffer::process(const Held& held, const Session& session) {
  const FragmentPorts* ports = held.ports ? &*held.ports : nullptr;
  return pipeline_.run(held.port, held.frame, &session, ports).verdict != Verdict::kHold;
}

void PacketBuffer::drop(uint32_t slot) {
  const auto found = queues_.find(slot);
  if (found == queues_.end()) return;
  while (!found->second.held.empty()) drop_oldest(slot, DropReason::kBufferDropped);
  settle(found);
}

void PacketBuffer::forget(uint32_t slot) {
  drop(slot);
  set_suggested(slot, std::nullopt);
}

}  // namespace sluice::upf
