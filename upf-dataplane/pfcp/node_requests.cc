#include "upf-dataplane/pfcp/node_requests.h"

#include "base/log.h"

namespace sluice::upf::pfcp {

void NodeRequests::send(MessageType type, const Peer& to, std::vector<Ie> ies) {
  const uint32_t sequence = sequences_.next();
  auto bytes = encode({.header = {.type = type, .sequence = sequence}, .ies = std::move(ies)});
  if (!bytes) {
    spdlog::error("PFCP request not sent peer={} reason=\"{}\"", to.address.to_string(),
                  bytes.error().to_string());
    return;
  }
  if (pending_.size() >= kMostPending) {
    const uint64_t oldest = pending_.begin()->first;
    std::erase_if(by_sequence_, [&](const auto& entry) { return entry.second == oldest; });
    pending_.erase(oldest);
  }
  const uint64_t order = ++last_order_;
  pending_[order] = {.type = type, .datagram = {to, *std::move(bytes)}, .due = clock_.now()};
  by_sequence_[sequence] = order;
}

bool NodeRequests::answered(const Message& response, const Peer& from) {
  const auto found = by_sequence_.find(response.header.sequence);
  if (found == by_sequence_.end()) return false;
  const auto pending = pending_.find(found->second);
  if (pending->second.datagram.to.address != from.address ||
      find_message(pending->second.type)->response != response.header.type) {
    return false;
  }
  pending_.erase(pending);
  by_sequence_.erase(found);
  return true;
}

std::vector<Outgoing> NodeRequests::advance() {
  std::vector<Outgoing> out;
  const Time now = clock_.now();
  for (auto it = by_sequence_.begin(); it != by_sequence_.end();) {
    const auto entry = pending_.find(it->second);
    Pending& pending = entry->second;
    if (pending.due > now) {
      ++it;
      continue;
    }
    if (pending.attempts >= config_.retransmit_count) {
      pending_.erase(entry);
      it = by_sequence_.erase(it);
      continue;
    }
    ++pending.attempts;
    pending.due = now + config_.retransmit_interval;
    ++counters_.sent[N4Counters::index(pending.type)];
    out.push_back(pending.datagram);
    ++it;
  }
  return out;
}

std::optional<NodeRequests::Time> NodeRequests::next_deadline() const {
  std::optional<Time> next;
  for (const auto& [order, pending] : pending_) {
    if (!next || pending.due < *next) next = pending.due;
  }
  return next;
}

}  // namespace sluice::upf::pfcp
