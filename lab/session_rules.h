// What the lab's SMF says to a UPF about one PDU session, and what it reads from the answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/net/ip_address.h"
#include "lab/gnb.h"
#include "upf-dataplane/pfcp/message.h"

namespace sluice::lab {

// A session as every UE of the lab has it: all its traffic between the gNB and the core, one QoS
// flow.
struct SessionPlan {
  uint64_t cp_seid = 0;
  IpAddress smf;  // N4 address; also the SMF's node id
  std::string dnn;
  Ipv4Address ue_v4;
  IpPrefix ue_v6;
  uint8_t qfi = 9;                       // 0..63
  IpAddress gnb;                         // N3 address; its family is the tunnel's
  Teid downlink_teid;                    // chosen by the gNB
  std::vector<std::string> sdf_filters;  // IPFilterRules; empty: all traffic
};

// A PFCP Session Establishment Request (TS 29.244 §7.5.2) with two PDRs, two FARs and a QER. The
// uplink F-TEID is left to the UPF (CHOOSE). Its sequence number is the sender's to fill in.
upf::pfcp::Message establishment_request(const SessionPlan& plan);
upf::pfcp::Message deletion_request(uint64_t up_seid);

struct EstablishedSession {
  uint64_t up_seid = 0;
  UplinkTunnel tunnel;
};

// Reads the response to establishment_request(plan). A refusal fails with kUnavailable when it may
// pass (no association, congestion) and with kInvalidArgument otherwise, and names the cause.
Result<EstablishedSession> read_establishment(const upf::pfcp::Message& response,
                                              const SessionPlan& plan);

// Success when the response's cause accepts; otherwise as read_establishment().
Result<void> check_cause(const upf::pfcp::Message& response);

}  // namespace sluice::lab
