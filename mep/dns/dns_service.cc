#include "mep/dns/dns_service.h"

#include "base/log.h"
#include "mep/dns/rule_follower.h"

namespace sluice::mep::dns {

Result<std::unique_ptr<DnsService>> DnsService::start(DnsConfig config, const Store& store,
                                                      const RuleReports& reports,
                                                      const Clock& clock, Counters& counters) {
  std::unique_ptr<DnsService> out(new DnsService(config, store, reports, clock, counters));
  if (auto ok = out->listen(config); !ok) return std::unexpected(ok.error());
  if (config.listen.empty()) return out;
  out->thread_ = std::thread([service = out.get()] { service->loop_.run(); });
  return out;
}

DnsService::DnsService(const DnsConfig& config, const Store& store, const RuleReports& reports,
                       const Clock& clock, Counters& counters)
    : counters_(counters),
      rules_(std::make_unique<RuleFollower>(store, reports, config.default_ttl_s, names_)),
      forwarder_(config.forwarder.upstreams.empty()
                     ? nullptr
                     : std::make_unique<Forwarder>(loop_, config.forwarder, counters)),
      resolver_(names_, forwarder_.get(), clock, config.resolver, counters) {}

Result<void> DnsService::listen(const DnsConfig& config) {
  const auto catch_up = [this] { rules_->catch_up(); };
  for (const auto& endpoint : config.listen) {
    auto udp = UdpListener::listen(loop_, endpoint, resolver_, catch_up);
    if (!udp) return std::unexpected(udp.error());
    udp_.push_back(std::move(*udp));
    auto tcp = TcpListener::listen(loop_, endpoint, resolver_, config.tcp, counters_, catch_up);
    if (!tcp) return std::unexpected(tcp.error());
    tcp_.push_back(std::move(*tcp));
    spdlog::info("dns listens at {}", endpoint.to_string());
  }
  return {};
}

DnsService::~DnsService() {
  loop_.stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace sluice::mep::dns
