// N4 on its UDP socket.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "upf-dataplane/pfcp/n4.h"

namespace sluice::upf::pfcp {

// Belongs to the loop's thread, destruction included.
class N4Server {
 public:
  // Binds and starts to serve. Fails when the configuration does not pass check() or the address
  // cannot be bound. Everything passed has to outlive the server.
  static Result<std::unique_ptr<N4Server>> start(const N4Config& config, EventLoop& loop,
                                                 SessionInstaller& installer, const Clock& clock);
  ~N4Server();
  N4Server(const N4Server&) = delete;
  N4Server& operator=(const N4Server&) = delete;

  const N4& n4() const { return n4_; }
  // Calls `act` before each datagram that is carried out.
  void before_requests(std::function<void()> act) { before_requests_ = std::move(act); }
  // As N4's.
  void request_release();
  void report_path(const IpAddress& peer, bool works);
  void usage_changed(Seid seid);
  void packet_buffered(Seid seid, PdrId pdr);
  void tunnel_unknown(Seid seid, const OuterHeader& tunnel);
  uint16_t port() const { return port_; }                    // that it is bound to
  uint64_t send_failures() const { return send_failures_; }  // responses lost; peers repeat

 private:
  N4Server(const N4Config& config, EventLoop& loop, SessionInstaller& installer, const Clock& clock,
           UniqueFd socket, uint16_t port);
  void receive();
  void advance();
  void advance_if_due();
  void send(const std::vector<Outgoing>& datagrams);
  void arm_timer();

  EventLoop& loop_;
  const Clock& clock_;
  UniqueFd socket_;
  uint16_t port_;
  N4 n4_;
  std::vector<uint8_t> buffer_;
  TimerId timer_;
  std::optional<HeartbeatMonitor::TimePoint> armed_for_;
  uint64_t send_failures_ = 0;
  std::function<void()> before_requests_;
};

}  // namespace sluice::upf::pfcp
