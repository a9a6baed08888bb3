#include "upf-dataplane/pfcp/message_type.h"

#include <algorithm>
#include <iterator>

namespace sluice::upf::pfcp {
namespace {

using enum MessageType;

constexpr MessageInfo kMessages[] = {
    {kHeartbeatRequest, "Heartbeat Request", true, false, kHeartbeatResponse},
    {kHeartbeatResponse, "Heartbeat Response", false, false, kHeartbeatResponse},
    {kPfdManagementRequest, "PFD Management Request", true, false, kPfdManagementResponse},
    {kPfdManagementResponse, "PFD Management Response", false, false, kPfdManagementResponse},
    {kAssociationSetupRequest, "Association Setup Request", true, false, kAssociationSetupResponse},
    {kAssociationSetupResponse, "Association Setup Response", false, false,
     kAssociationSetupResponse},
    {kAssociationUpdateRequest, "Association Update Request", true, false,
     kAssociationUpdateResponse},
    {kAssociationUpdateResponse, "Association Update Response", false, false,
     kAssociationUpdateResponse},
    {kAssociationReleaseRequest, "Association Release Request", true, false,
     kAssociationReleaseResponse},
    {kAssociationReleaseResponse, "Association Release Response", false, false,
     kAssociationReleaseResponse},
    {kVersionNotSupportedResponse, "Version Not Supported Response", false, false,
     kVersionNotSupportedResponse},
    {kNodeReportRequest, "Node Report Request", true, false, kNodeReportResponse},
    {kNodeReportResponse, "Node Report Response", false, false, kNodeReportResponse},
    {kSessionSetDeletionRequest, "Session Set Deletion Request", true, false,
     kSessionSetDeletionResponse},
    {kSessionSetDeletionResponse, "Session Set Deletion Response", false, false,
     kSessionSetDeletionResponse},
    {kSessionSetModificationRequest, "Session Set Modification Request", true, false,
     kSessionSetModificationResponse},
    {kSessionSetModificationResponse, "Session Set Modification Response", false, false,
     kSessionSetModificationResponse},
    {kSessionEstablishmentRequest, "Session Establishment Request", true, true,
     kSessionEstablishmentResponse},
    {kSessionEstablishmentResponse, "Session Establishment Response", false, true,
     kSessionEstablishmentResponse},
    {kSessionModificationRequest, "Session Modification Request", true, true,
     kSessionModificationResponse},
    {kSessionModificationResponse, "Session Modification Response", false, true,
     kSessionModificationResponse},
    {kSessionDeletionRequest, "Session Deletion Request", true, true, kSessionDeletionResponse},
    {kSessionDeletionResponse, "Session Deletion Response", false, true, kSessionDeletionResponse},
    {kSessionReportRequest, "Session Report Request", true, true, kSessionReportResponse},
    {kSessionReportResponse, "Session Report Response", false, true, kSessionReportResponse},
};

static_assert(std::ranges::is_sorted(kMessages, {}, &MessageInfo::type));

}  // namespace

const MessageInfo* find_message(MessageType type) {
  const auto* found = std::ranges::lower_bound(kMessages, type, {}, &MessageInfo::type);
  return found != std::end(kMessages) && found->type == type ? found : nullptr;
}

}  // namespace sluice::upf::pfcp
