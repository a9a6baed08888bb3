// A gNB stand-in with its UEs: each UE's TUN device on one side, GTP-U over N3 on the other.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/event_loop.h"
#include "base/net/ip_address.h"
#include "base/unique_fd.h"
#include "lab/gtpu.h"
#include "lab/gtpu_socket.h"

namespace sluice::lab {

// Which UE; all its names and addresses follow from it. 1..65535.
using UeNumber = StrongId<struct UeNumberTag, uint32_t>;

// Where a UE's uplink packets go.
struct UplinkTunnel {
  IpAddress peer;  // the UPF's N3 address
  Teid teid;       // chosen by the UPF
  uint8_t qfi = 0;
};

struct UeCounters {
  uint64_t uplink_packets = 0;
  uint64_t uplink_bytes = 0;  // inner packets, without GTP-U
  uint64_t downlink_packets = 0;
  uint64_t downlink_bytes = 0;
  uint64_t dropped_no_tunnel = 0;   // sent by the UE while no session existed
  uint64_t dropped_send = 0;        // the socket's queue was full
  uint64_t dropped_device = 0;      // the TUN device refused a downlink packet
  uint64_t error_indications = 0;   // the UPF did not know the uplink TEID
  std::optional<uint8_t> last_qfi;  // of a downlink PDU Session Container
};

struct GnbCounters {
  uint64_t malformed = 0;              // not GTP-U, or its length or extensions are wrong
  uint64_t unsupported_extension = 0;  // carried one that must be understood and is not
  uint64_t unsupported_type = 0;
  uint64_t unknown_teid = 0;  // answered with an error indication
  uint64_t end_markers = 0;
  uint64_t echo_requests_answered = 0;
  uint64_t echo_requests_sent = 0;
  uint64_t echo_responses = 0;
  uint64_t error_indications = 0;
};

// Belongs to the thread of its EventLoop, which must outlive it.
class Gnb {
 public:
  explicit Gnb(EventLoop& loop);
  Gnb(const Gnb&) = delete;
  Gnb& operator=(const Gnb&) = delete;
  ~Gnb();

  // Serves N3 on this address; at most one of each family.
  Result<void> listen(const IpAddress& own);
  // The N3 address in that family, if there is one.
  std::optional<IpAddress> address(bool v4) const;

  // Takes over a UE's TUN device (see open_ue_device) and returns the TEID under which the UE
  // expects its downlink packets. Fails for a number in use or out of range.
  Result<Teid> attach(UeNumber ue, UniqueFd tun);
  void detach(UeNumber ue);

  // Until there is a tunnel, a UE's uplink packets are dropped and counted.
  void set_tunnel(UeNumber ue, const std::optional<UplinkTunnel>& tunnel);

  // Asks every UPF that some tunnel leads to whether it is there (TS 29.281 §7.2.1).
  void send_echo_requests();

  const GnbCounters& counters() const { return counters_; }
  const UeCounters* counters(UeNumber ue) const;  // nullptr: not attached

 private:
  struct Ue {
    UniqueFd tun;
    std::optional<UplinkTunnel> tunnel;
    Endpoint peer;                 // of `tunnel`
    GtpuSocket* socket = nullptr;  // in the family of `tunnel`
    UeCounters counters;
  };

  Teid teid_of(UeNumber ue) const { return Teid(teid_base_ | ue.value()); }
  Ue* find(UeNumber ue);
  GtpuSocket* socket_for(const IpAddress& peer);

  void forward_uplink(Ue& ue);
  void receive(GtpuSocket& socket);
  void handle(GtpuSocket& socket, const Received& received);
  void deliver(GtpuSocket& socket, const Received& received, const GtpuMessage& message);
  void note_error_indication(const GtpuMessage& message);

  EventLoop& loop_;
  std::vector<std::unique_ptr<GtpuSocket>> sockets_;
  // Differs from run to run, so that a packet for an earlier run's TEID is seen to be one.
  uint32_t teid_base_;
  uint16_t echo_sequence_ = 0;
  std::unordered_map<uint32_t, std::unique_ptr<Ue>> ues_;
  PacketBatch uplink_;
  GnbCounters counters_;
};

}  // namespace sluice::lab
