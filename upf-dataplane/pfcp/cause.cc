#include "upf-dataplane/pfcp/cause.h"

namespace sluice::upf::pfcp {

std::string_view cause_name(Cause cause) {
  switch (cause) {
    case Cause::kRequestAccepted:
      return "Request accepted";
    case Cause::kMoreUsageReportToSend:
      return "More Usage Report to send";
    case Cause::kRequestPartiallyAccepted:
      return "Request partially accepted";
    case Cause::kRequestRejected:
      return "Request rejected";
    case Cause::kSessionContextNotFound:
      return "Session context not found";
    case Cause::kMandatoryIeMissing:
      return "Mandatory IE missing";
    case Cause::kConditionalIeMissing:
      return "Conditional IE missing";
    case Cause::kInvalidLength:
      return "Invalid length";
    case Cause::kMandatoryIeIncorrect:
      return "Mandatory IE incorrect";
    case Cause::kInvalidForwardingPolicy:
      return "Invalid Forwarding Policy";
    case Cause::kInvalidFTeidAllocationOption:
      return "Invalid F-TEID allocation option";
    case Cause::kNoEstablishedAssociation:
      return "No established PFCP Association";
    case Cause::kRuleCreationOrModificationFailure:
      return "Rule creation/modification Failure";
    case Cause::kEntityInCongestion:
      return "PFCP entity in congestion";
    case Cause::kNoResourcesAvailable:
      return "No resources available";
    case Cause::kServiceNotSupported:
      return "Service not supported";
    case Cause::kSystemFailure:
      return "System failure";
    case Cause::kRedirectionRequested:
      return "Redirection Requested";
    case Cause::kAllDynamicAddressesOccupied:
      return "All dynamic addresses are occupied";
    case Cause::kUnknownPredefinedRule:
      return "Unknown Pre-defined Rule";
    case Cause::kUnknownApplicationId:
      return "Unknown Application ID";
    case Cause::kL2tpTunnelEstablishmentFailure:
      return "L2TP tunnel Establishment failure";
    case Cause::kL2tpSessionEstablishmentFailure:
      return "L2TP session Establishment failure";
    case Cause::kL2tpTunnelRelease:
      return "L2TP tunnel release";
    case Cause::kL2tpSessionRelease:
      return "L2TP session release";
    case Cause::kSessionRestorationFailure:
      return "PFCP session restoration failure";
  }
  return "Cause";
}

}  // namespace sluice::upf::pfcp
