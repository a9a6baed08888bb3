#include "lab/pfcp_requests.h"

#include <algorithm>

namespace sluice::lab {

namespace pfcp = upf::pfcp;

void PfcpRequests::start(pfcp::Message request, TimePoint now, Done done) {
  last_sequence_ = (last_sequence_ + 1) & pfcp::kSequenceMask;
  request.header.sequence = last_sequence_;
  auto encoded = pfcp::encode(request);
  if (!encoded) {
    done(std::unexpected(encoded.error()));
    return;
  }
  const auto* info = pfcp::find_message(request.header.type);
  if (info == nullptr || !info->is_request) {
    done(fail(ErrorCode::kInvalidArgument, "not a request"));
    return;
  }
  send_(*encoded);
  waiting_[last_sequence_] = {.response = info->response,
                              .encoded = std::move(*encoded),
                              .sent = 1,
                              .due = now + timing_.t1,
                              .done = std::move(done)};
}

bool PfcpRequests::complete(const pfcp::Message& response) {
  const auto found = waiting_.find(response.header.sequence);
  if (found == waiting_.end() || found->second.response != response.header.type) return false;
  const auto done = std::move(found->second.done);
  waiting_.erase(found);  // before the call: it may start the next request
  done(response);
  return true;
}

void PfcpRequests::tick(TimePoint now) {
  for (auto& [sequence, request] : waiting_) {
    if (request.due > now || request.sent >= timing_.n1) continue;
    send_(request.encoded);
    ++request.sent;
    request.due = now + timing_.t1;
  }
  // Searched anew after each call: it may have started requests, or forgotten all of them.
  for (;;) {
    const auto overdue = std::ranges::find_if(
        waiting_, [now](const auto& entry) { return entry.second.due <= now; });
    if (overdue == waiting_.end()) return;
    const auto done = std::move(overdue->second.done);
    waiting_.erase(overdue);
    done(fail(ErrorCode::kUnavailable, "no response to {} transmissions", timing_.n1));
  }
}

}  // namespace sluice::lab
