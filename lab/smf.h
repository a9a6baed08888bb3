// A minimal SMF: one UPF, one PFCP association, one session per UE.
//
//            association setup accepted
//   kDown ------------------------------> kUp
//     ^                                    |
//     +------------------------------------+
//       heartbeats unanswered, a new recovery time stamp, "no established association",
//       or the UPF sets up or releases the association itself
//
// Whoever restarts, everything comes back: while the association is down, setup is tried again and
// again, and every session of a lost association is established anew.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/event_loop.h"
#include "lab/gtpu_socket.h"
#include "lab/pfcp_requests.h"
#include "lab/session_rules.h"
#include "upf-dataplane/pfcp/values.h"

namespace sluice::lab {

enum class SessionState { kPending, kEstablishing, kUp, kFailed, kDeleting };
std::string_view to_string(SessionState state);

struct SmfConfig {
  IpAddress own;  // N4 address
  IpAddress upf;
  std::chrono::milliseconds heartbeat{500};
  PfcpRequests::Timing timing{.t1 = std::chrono::milliseconds(300), .n1 = 4};
  unsigned window = 64;  // establishments in flight
};

struct SmfCounters {
  uint64_t malformed = 0;   // received and not PFCP
  uint64_t unexpected = 0;  // a response that nobody waits for
  uint64_t associations = 0;
  uint64_t association_losses = 0;
  uint64_t establishments_refused = 0;
};

// Belongs to its loop's thread; the loop must outlive it.
class Smf {
 public:
  // Called whenever a session has been (re-)established.
  using OnTunnel = std::function<void(UeNumber, const UplinkTunnel&)>;

  static Result<std::unique_ptr<Smf>> open(EventLoop& loop, const SmfConfig& config,
                                           OnTunnel on_tunnel);
  Smf(const Smf&) = delete;
  Smf& operator=(const Smf&) = delete;
  ~Smf();

  // Wants a session for the UE (the plan's cp_seid and smf are filled in here), or no longer.
  void add(UeNumber ue, SessionPlan plan);
  void remove(UeNumber ue);

  // Deletes all sessions and releases the association; `done` when that is over, at the latest
  // after the requests have been given up.
  void shut_down(std::function<void()> done);

  bool associated() const { return associated_; }
  std::optional<upf::pfcp::RecoveryTimeStamp> upf_recovery() const { return upf_recovery_; }
  size_t wanted() const;
  size_t up() const;
  const SmfCounters& counters() const { return counters_; }
  // The state of the UE's session and, when it failed, why.
  std::optional<std::pair<SessionState, std::string>> session(UeNumber ue) const;

 private:
  struct Session {
    SessionPlan plan;
    SessionState state = SessionState::kPending;
    uint64_t up_seid = 0;
    std::string problem = {};
  };

  Smf(EventLoop& loop, const SmfConfig& config, OnTunnel on_tunnel, UniqueFd fd);
  void send(Bytes message);
  void receive();
  void answer(const upf::pfcp::Message& request);
  void request(upf::pfcp::Message message, PfcpRequests::Done done);

  void set_up_association();
  void association_up(const upf::pfcp::Message& message);
  void association_lost(std::string_view why);
  void beat();

  void pump();
  void establish(UeNumber ue, Session& session);
  void delete_session(UeNumber ue, Session& session);
  void housekeeping();
  void finish_shut_down_if_empty();

  EventLoop& loop_;
  SmfConfig config_;
  OnTunnel on_tunnel_;
  UniqueFd fd_;
  Endpoint upf_;
  upf::pfcp::RecoveryTimeStamp recovery_;
  PfcpRequests requests_;
  std::vector<TimerId> timers_;
  bool associated_ = false;
  bool setting_up_ = false;
  bool beating_ = false;
  std::optional<upf::pfcp::RecoveryTimeStamp> upf_recovery_;
  std::map<UeNumber, Session> sessions_;
  unsigned in_flight_ = 0;
  size_t reported_up_ = 0;
  std::function<void()> shut_down_done_;
  SmfCounters counters_;
};

}  // namespace sluice::lab
