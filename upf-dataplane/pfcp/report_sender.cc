#include "upf-dataplane/pfcp/report_sender.h"

#include "base/log.h"

namespace sluice::upf::pfcp {

void ReportSender::send(Seid seid, uint64_t cp_seid, const Peer& to, std::vector<Ie> ies) {
  if (pending_.size() >= config_.limits.pending_reports) {
    ++counters_.reports_lost;
    erase(by_age_.begin()->second);
  }
  const uint32_t sequence = sequences_.next();
  auto bytes = encode({.header = {.type = MessageType::kSessionReportRequest,
                                  .seid = cp_seid,
                                  .sequence = sequence},
                       .ies = std::move(ies)});
  if (!bytes) {
    ++counters_.reports_lost;
    spdlog::error("PFCP report not sent peer={} reason=\"{}\"", to.address.to_string(),
                  bytes.error().to_string());
    return;
  }
  add(sequence, {.seid = seid, .datagram = {to, *std::move(bytes)}});
}

// Due at once, and the newest of all.
void ReportSender::add(uint32_t sequence, Pending pending) {
  erase(sequence);  // the number's last use, 2^24 requests ago
  pending.order = ++last_order_;
  pending.due = clock_.now();
  by_age_.emplace(pending.order, sequence);
  deadlines_.emplace(pending.due, sequence);
  by_session_.emplace(pending.seid, sequence);
  pending_[sequence] = std::move(pending);
}

void ReportSender::readdress(Seid seid, uint64_t cp_seid, const Peer& to) {
  std::vector<uint32_t> waiting;
  const auto [first, last] = by_session_.equal_range(seid);
  for (auto it = first; it != last; ++it) waiting.push_back(it->second);
  for (const uint32_t old : waiting) {
    auto message = decode(pending_.at(old).datagram.bytes).value().message;
    erase(old);
    message.header.seid = cp_seid;
    message.header.sequence = sequences_.next();
    add(message.header.sequence, {.seid = seid, .datagram = {to, encode(message).value()}});
  }
}

std::optional<Seid> ReportSender::answered(const Message& response, const Peer& from) {
  const auto found = pending_.find(response.header.sequence);
  if (found == pending_.end() || found->second.datagram.to.address != from.address) {
    return std::nullopt;
  }
  const Seid seid = found->second.seid;
  erase(response.header.sequence);
  return seid;
}

void ReportSender::finish(Seid seid) {
  const auto [first, last] = by_session_.equal_range(seid);
  for (auto it = first; it != last; ++it) pending_.at(it->second).is_last = true;
  by_session_.erase(first, last);
}

void ReportSender::forget(Seid seid) {
  while (true) {
    const auto found = by_session_.find(seid);
    if (found == by_session_.end()) return;
    erase(found->second);
  }
}

void ReportSender::erase(uint32_t sequence) {
  const auto found = pending_.find(sequence);
  if (found == pending_.end()) return;
  deadlines_.erase({found->second.due, sequence});
  by_age_.erase(found->second.order);
  const auto [first, last] = by_session_.equal_range(found->second.seid);
  for (auto it = first; it != last; ++it) {
    if (it->second != sequence) continue;
    by_session_.erase(it);
    break;
  }
  pending_.erase(found);
}

std::vector<Outgoing> ReportSender::advance() {
  std::vector<Outgoing> out;
  const Time now = clock_.now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const uint32_t sequence = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    Pending& pending = pending_.at(sequence);
    if (pending.is_last && pending.attempts >= config_.retransmit_count) {
      ++counters_.reports_lost;
      by_age_.erase(pending.order);
      pending_.erase(sequence);
      continue;
    }
    if (pending.attempts > 0) ++counters_.reports_repeated;
    ++pending.attempts;
    ++counters_.sent[N4Counters::index(MessageType::kSessionReportRequest)];
    out.push_back(pending.datagram);
    pending.due = now + (pending.attempts < config_.retransmit_count ? config_.retransmit_interval
                                                                     : config_.heartbeat_interval);
    deadlines_.emplace(pending.due, sequence);
  }
  return out;
}

std::optional<ReportSender::Time> ReportSender::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

}  // namespace sluice::upf::pfcp
