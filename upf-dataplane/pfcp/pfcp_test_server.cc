// A real N4 server on a user plane that only keeps books: for wire tests by SMFs that share no code
// with it. Prints a line of JSON when it listens and for every session installed or removed.
//
//   pfcp_test_server [HEARTBEAT_MS]    on 127.0.0.1 and a free port, until SIGTERM
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "upf-dataplane/pfcp/fake_installer.h"
#include "upf-dataplane/pfcp/n4_server.h"

namespace sluice::upf::pfcp {
namespace {

using nlohmann::json;

constexpr Ipv4Address kLoopback(0x7f000001);
constexpr Ipv4Address kN3(0xc0a80001);  // 192.168.0.1

void print(const json& line) { std::cout << line.dump() << std::endl; }

json ports_json(const std::vector<PortRange>& ports) {
  json list = json::array();
  for (const auto& range : ports) list.push_back({range.low, range.high});
  return list;
}

json filter_json(const SdfFilter& filter) {
  return {{"protocol", filter.protocol ? json(*filter.protocol) : json()},
          {"remote", filter.remote ? json(filter.remote->to_string()) : json()},
          {"remote_ports", ports_json(filter.remote_ports)},
          {"local", filter.local ? json(filter.local->to_string()) : json()},
          {"local_ports", ports_json(filter.local_ports)}};
}

json pdr_json(const Pdr& pdr) {
  json line{{"precedence", pdr.precedence},
            {"source", static_cast<int>(pdr.source)},
            {"network_instance", pdr.network_instance},
            {"remove_outer_header", pdr.remove_outer_header},
            {"far", pdr.far.value()},
            {"sdf", json::array()}};
  if (pdr.f_teid) line["teid"] = pdr.f_teid->teid.value();
  if (pdr.ue && pdr.ue->v4) line["ue"] = pdr.ue->v4->to_string();
  for (const auto& filter : pdr.sdf) line["sdf"].push_back(filter_json(filter));
  return line;
}

json far_json(const Far& far) {
  json line{{"forward", far.forward}, {"destination", static_cast<int>(far.destination)}};
  if (far.outer_header) {
    line["peer"] = far.outer_header->peer.to_string();
    line["teid"] = far.outer_header->teid.value();
  }
  return line;
}

class PrintingInstaller final : public FakeInstaller {
 public:
  using FakeInstaller::install;
  Result<void> install(const SessionSpec& spec, Buffered buffered) override {
    json line{{"installed", spec.seid.value()}, {"dnn", spec.dnn}};
    for (const auto& [id, pdr] : spec.pdrs)
      line["pdrs"][std::to_string(id.value())] = pdr_json(pdr);
    for (const auto& [id, far] : spec.fars)
      line["fars"][std::to_string(id.value())] = far_json(far);
    print(line);
    return FakeInstaller::install(spec, buffered);
  }
  SessionUsage remove(Seid seid) override {
    print({{"removed", seid.value()}});
    return FakeInstaller::remove(seid);
  }
};

int run(std::chrono::milliseconds heartbeat_interval) {
  start_logging("pfcp_test_server", "warn");
  EventLoop loop;
  loop.stop_on_signals();
  PrintingInstaller installer;
  const SystemClock clock;
  N4Config config{.listen = kLoopback,
                  .port = 0,
                  .node_id = {.fqdn = "upf.example"},
                  .gtp_endpoints = {{.v4 = kN3}}};
  config.peer_port = 0;  // the scripted SMF has one socket
  config.heartbeat_interval = heartbeat_interval;
  const auto server = N4Server::start(config, loop, installer, clock);
  if (!server) {
    std::cerr << server.error().to_string() << "\n";
    return 1;
  }
  print({{"listening", (*server)->port()}});
  loop.run();
  return 0;
}

}  // namespace
}  // namespace sluice::upf::pfcp

int main(int argc, char** argv) {
  const int heartbeat_ms = argc > 1 ? std::atoi(argv[1]) : 60'000;
  return sluice::upf::pfcp::run(std::chrono::milliseconds(heartbeat_ms));
}
