#include "upf-dataplane/pfcp/response.h"

#include "base/log.h"
#include "upf-dataplane/pfcp/ie_access.h"
#include "upf-dataplane/pfcp/log_limiter.h"

namespace sluice::upf::pfcp {
namespace {

Cause cause_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kResourceExhausted:
      return Cause::kNoResourcesAvailable;
    case ErrorCode::kInvalidArgument:
      return Cause::kMandatoryIeIncorrect;
    case ErrorCode::kUnsupported:
      return Cause::kServiceNotSupported;
    case ErrorCode::kUnavailable:
      return Cause::kEntityInCongestion;
    case ErrorCode::kNotFound:
    case ErrorCode::kConflict:
      return Cause::kRuleCreationOrModificationFailure;
    case ErrorCode::kInternal:
      return Cause::kSystemFailure;
    default:
      return Cause::kRequestRejected;
  }
}

bool has_node_id(MessageType response) {
  switch (response) {
    case MessageType::kAssociationSetupResponse:
    case MessageType::kAssociationUpdateResponse:
    case MessageType::kAssociationReleaseResponse:
    case MessageType::kSessionSetDeletionResponse:
    case MessageType::kSessionEstablishmentResponse:
      return true;
    default:
      return false;
  }
}

// Bounded for the whole process, as the disk is that the log goes to. What is left out is still
// counted by cause.
void log(const Header& request, const Rejection& rejection) {
  static LogLimiter limiter;
  const auto left_out = limiter.admit(std::chrono::steady_clock::now());
  if (!left_out) return;
  if (*left_out > 0) spdlog::info("PFCP refusals left out of the log count={}", *left_out);
  const auto* info = find_message(request.type);
  spdlog::info("PFCP request refused message=\"{}\" sequence={} cause=\"{}\" ie=\"{}\" reason: {}",
               info != nullptr ? info->name : "unknown", request.sequence,
               cause_name(rejection.cause),
               rejection.offending_ie ? to_string(*rejection.offending_ie) : "", rejection.reason);
}

Message begin(const Header& request, std::optional<uint64_t> seid, const NodeId& self,
              Cause cause) {
  Message response{.header = response_header(request, seid)};
  if (has_node_id(response.header.type)) response.ies.push_back(ie(self));
  response.ies.push_back(ie(cause));
  return response;
}

}  // namespace

Message accept(const Header& request, std::optional<uint64_t> seid, const NodeId& self) {
  return begin(request, seid, self, Cause::kRequestAccepted);
}

Message reject(const Header& request, std::optional<uint64_t> seid, const NodeId& self,
               const Rejection& rejection) {
  log(request, rejection);
  Message response = begin(request, seid, self, rejection.cause);
  // Type 0 stands for "not even an element's header": there is nothing to name.
  if (rejection.offending_ie && *rejection.offending_ie != IeType{}) {
    response.ies.push_back(ie(OffendingIe{*rejection.offending_ie}));
  }
  // Only the responses to establishment and modification have a Failed Rule ID.
  if (rejection.failed_rule) response.ies.push_back(ie(*rejection.failed_rule));
  return response;
}

Rejection rejection_of(const Error& error) {
  Rejection rejection{.cause = cause_of(error.code), .reason = error.to_string()};
  if (const auto* info = find_ie(error.field)) rejection.offending_ie = info->type;
  return rejection;
}

}  // namespace sluice::upf::pfcp
