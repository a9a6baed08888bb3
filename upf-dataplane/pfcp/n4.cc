#include "upf-dataplane/pfcp/n4.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "upf-dataplane/pfcp/ie_access.h"
#include "upf-dataplane/pfcp/response.h"

namespace sluice::upf::pfcp {
namespace {

// Of messages bundled in one datagram (FO flag); what follows them is dropped.
constexpr int kMaxBundled = 16;

}  // namespace

N4::N4(const N4Config& config, SessionInstaller& installer, const Clock& clock)
    : config_(config),
      clock_(clock),
      reports_(config_, clock, sequences_, counters_),
      requests_(config_, clock, sequences_, counters_),
      usage_(installer, clock),
      sessions_(config_, installer, clock, associations_, usage_, reports_, load_, counters_),
      node_(config_, clock, associations_, sessions_, sequences_, requests_, counters_),
      cache_(config_.limits.cached_responses, config_.response_lifetime) {}

std::vector<Outgoing> N4::receive(const Peer& from, Bytes datagram) {
  std::vector<Outgoing> out;
  for (int i = 0; i < kMaxBundled; ++i) {
    const auto decoded = decode(datagram);
    const size_t size = decoded ? decoded->size : decoded.error().size;
    auto response = decoded ? answer(from, datagram.first(size), decoded->message)
                            : answer_undecodable(from, decoded.error());
    if (response) out.push_back({from, *std::move(response)});
    if (size == 0 || size >= datagram.size()) break;
    datagram = datagram.subspan(size);
  }
  return out;
}

std::vector<Outgoing> N4::advance() {
  std::vector<Outgoing> out = node_.advance();
  sessions_.advance();
  std::ranges::move(reports_.advance(), std::back_inserter(out));
  std::ranges::move(requests_.advance(), std::back_inserter(out));
  return out;
}

std::optional<HeartbeatMonitor::TimePoint> N4::next_deadline() const {
  auto next = node_.next_deadline();
  for (const auto& other : {usage_.next_deadline(), sessions_.next_deadline(),
                            reports_.next_deadline(), requests_.next_deadline()}) {
    if (other && (!next || *other < *next)) next = other;
  }
  return next;
}

N4::Response N4::answer(const Peer& from, Bytes bytes, const Message& message) {
  const auto* info = find_message(message.header.type);
  if (info == nullptr) {
    ++counters_.unexpected;
    return std::nullopt;
  }
  if (info->carries_seid != message.header.seid.has_value()) {
    ++counters_.malformed;
    return std::nullopt;
  }
  ++counters_.received[N4Counters::index(message.header.type)];
  node_.heard(from);
  if (info->is_request) return answer_request(from, bytes, message);
  const bool is_awaited = take_response(message, from);
  if (!is_awaited) ++counters_.unexpected;
  return std::nullopt;
}

bool N4::take_response(const Message& response, const Peer& from) {
  switch (response.header.type) {
    case MessageType::kHeartbeatResponse:
      return node_.heartbeat_response(response, from);
    case MessageType::kSessionReportResponse:
      return sessions_.report_response(response, from);
    default:
      return requests_.answered(response, from);
  }
}

N4::Response N4::answer_request(const Peer& from, Bytes bytes, const Message& request) {
  const Header& header = request.header;
  // Heartbeats are idempotent; caching them would only push out what is not.
  if (header.type == MessageType::kHeartbeatRequest) {
    return finish(node_.heartbeat(request, from), from);
  }
  if (const auto* cached = cache_.find(from, header.sequence, bytes, clock_.now())) {
    ++counters_.retransmissions;
    return *cached;
  }
  const auto response = perform(request, from);
  if (!response) {
    ++counters_.unexpected;
    return std::nullopt;
  }
  auto encoded = finish(*response, from);
  if (encoded) cache_.store(from, header.sequence, bytes, *encoded, clock_.now());
  return encoded;
}

std::optional<Message> N4::perform(const Message& request, const Peer& from) {
  switch (request.header.type) {
    case MessageType::kAssociationSetupRequest:
      // A peer that starts over numbers its requests anew.
      cache_.forget(from);
      return node_.associate(request, from);
    case MessageType::kAssociationUpdateRequest:
      return node_.update(request);
    case MessageType::kAssociationReleaseRequest:
      return node_.release(request);
    case MessageType::kSessionEstablishmentRequest:
      return sessions_.establish(request);
    case MessageType::kSessionModificationRequest:
      return sessions_.modify(request, from);
    case MessageType::kSessionDeletionRequest:
      return sessions_.remove(request, from);
    case MessageType::kPfdManagementRequest:
      return node_.manage_pfds(request, from);
    case MessageType::kSessionSetDeletionRequest:
      return sessions_.remove_sets(request, from);
    case MessageType::kSessionSetModificationRequest:
      return reject(request.header, {}, config_.node_id,
                    {.cause = Cause::kServiceNotSupported, .reason = "not offered by this UPF"});
    default:
      return std::nullopt;  // only a UP function sends these
  }
}

N4::Response N4::answer_undecodable(const Peer& from, const DecodeError& error) {
  const Header& header = error.header;
  const auto* info = find_message(header.type);
  switch (error.kind) {
    case DecodeError::Kind::kLaterVersion: {
      ++counters_.version_unsupported;
      return finish({.header = {.type = MessageType::kVersionNotSupportedResponse,
                                .sequence = header.sequence}},
                    from);
    }
    case DecodeError::Kind::kReject:
      // Of heartbeats only the header matters: a response has no cause to refuse with.
      if (info != nullptr && info->is_request && info->carries_seid == header.seid.has_value() &&
          header.type != MessageType::kHeartbeatRequest) {
        ++counters_.received[N4Counters::index(header.type)];
        const auto seid =
            info->carries_seid ? std::optional(sessions_.peer_seid(header.seid)) : std::nullopt;
        return finish(reject(header, seid, config_.node_id, error.rejection), from);
      }
      break;
    case DecodeError::Kind::kDiscard:
      break;
  }
  ++counters_.malformed;
  return std::nullopt;
}

N4::Response N4::finish(const Message& response, const Peer& to) {
  auto encoded = encode(response);
  if (!encoded) {
    spdlog::error("PFCP response not sent peer={} reason=\"{}\"", to.address.to_string(),
                  encoded.error().to_string());
    return std::nullopt;
  }
  ++counters_.sent[N4Counters::index(response.header.type)];
  if (const auto cause = read<Cause>(response.ies); cause && *cause) {
    ++counters_.responses[N4Counters::index(**cause)];
  }
  return *std::move(encoded);
}

}  // namespace sluice::upf::pfcp
