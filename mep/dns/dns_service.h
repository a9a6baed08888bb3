// The DNS server of the platform, on a thread of its own: for local networks, whose queries do not
// pass the user plane.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/event_loop.h"
#include "mep/dns/forwarder.h"
#include "mep/dns/resolver.h"
#include "mep/dns/tcp_listener.h"
#include "mep/dns/udp_listener.h"

namespace sluice::mep {
class RuleReports;
class Store;
}  // namespace sluice::mep

namespace sluice::mep::dns {

class RuleFollower;

struct DnsConfig {
  std::vector<Endpoint> listen;  // UDP and TCP each; none: no server
  ForwarderConfig forwarder;     // without upstreams only rules are answered
  ResolverConfig resolver;
  TcpLimits tcp;
  uint32_t default_ttl_s = 60;  // of rules that name none
};

class DnsService {
 public:
  // Serves until destroyed. kUnavailable, kInternal: an address cannot be bound. What is passed by
  // reference must outlive it. Signals must be blocked already: its thread takes none.
  static Result<std::unique_ptr<DnsService>> start(DnsConfig config, const Store& store,
                                                   const RuleReports& reports, const Clock& clock,
                                                   Counters& counters);
  DnsService(const DnsService&) = delete;
  DnsService& operator=(const DnsService&) = delete;
  ~DnsService();

 private:
  DnsService(const DnsConfig& config, const Store& store, const RuleReports& reports,
             const Clock& clock, Counters& counters);
  Result<void> listen(const DnsConfig& config);

  EventLoop loop_;
  Counters& counters_;
  NameTable names_;
  std::unique_ptr<RuleFollower> rules_;
  std::unique_ptr<Forwarder> forwarder_;  // null: no upstreams
  Resolver resolver_;
  std::vector<std::unique_ptr<UdpListener>> udp_;
  std::vector<std::unique_ptr<TcpListener>> tcp_;
  std::thread thread_;
};

}  // namespace sluice::mep::dns
