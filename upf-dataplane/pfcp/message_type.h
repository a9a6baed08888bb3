// The messages of TS 29.244 (Release 17, table 7.3-1).
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::upf::pfcp {

enum class MessageType : uint8_t {
  kHeartbeatRequest = 1,
  kHeartbeatResponse = 2,
  kPfdManagementRequest = 3,
  kPfdManagementResponse = 4,
  kAssociationSetupRequest = 5,
  kAssociationSetupResponse = 6,
  kAssociationUpdateRequest = 7,
  kAssociationUpdateResponse = 8,
  kAssociationReleaseRequest = 9,
  kAssociationReleaseResponse = 10,
  kVersionNotSupportedResponse = 11,
  kNodeReportRequest = 12,
  kNodeReportResponse = 13,
  kSessionSetDeletionRequest = 14,
  kSessionSetDeletionResponse = 15,
  kSessionSetModificationRequest = 16,
  kSessionSetModificationResponse = 17,
  kSessionEstablishmentRequest = 50,
  kSessionEstablishmentResponse = 51,
  kSessionModificationRequest = 52,
  kSessionModificationResponse = 53,
  kSessionDeletionRequest = 54,
  kSessionDeletionResponse = 55,
  kSessionReportRequest = 56,
  kSessionReportResponse = 57,
};

struct MessageInfo {
  MessageType type;
  std::string_view name;
  bool is_request;
  bool carries_seid;     // §7.2.2.3: session messages do, node messages do not
  MessageType response;  // of a request; a response names itself
};

// What Release 17 says about this message, or nullptr when it has no such type.
const MessageInfo* find_message(MessageType type);

}  // namespace sluice::upf::pfcp
