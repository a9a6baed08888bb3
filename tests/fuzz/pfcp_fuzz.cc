// Any datagrams to an N4 with one association: no crash, every response can be read, and the user
// plane holds exactly what N4 believes.
//
// The input is a sequence of datagrams, each after its length in two bytes, big-endian. The node
// is 10.0.0.1; its first session has the SEID 0x1001.
//
// Links the sources of upf-dataplane/pfcp/meson.build's pfcp library and of base.
#include <cstdint>
#include <cstdlib>

#include "base/log.h"
#include "upf-dataplane/pfcp/fake_installer.h"
#include "upf-dataplane/pfcp/ie_access.h"
#include "upf-dataplane/pfcp/n4.h"

using namespace sluice;
using namespace sluice::upf;
using namespace sluice::upf::pfcp;

namespace {

const Ipv4Address kSmf(0x0a000001);
const Ipv4Address kUpf(0x0a000002);

void require(bool holds) {
  if (!holds) std::abort();
}

N4Config config() {
  N4Config config;
  config.listen = kUpf;
  config.node_id.fqdn = "upf.example";
  config.gtp_endpoints = {{.v4 = kUpf}};
  config.limits.cached_responses = 4;
  config.ue_pools = {{.name = "pool",
                      .v4 = {IpPrefix::parse("10.46.0.0/30").value()},
                      .v6 = {IpPrefix::parse("fd46::/62").value()}}};
  return config;
}

std::vector<uint8_t> association() {
  return encode({.header = {.type = MessageType::kAssociationSetupRequest, .sequence = 1},
                 .ies = {ie(NodeId{.address = kSmf}), ie(RecoveryTimeStamp{})}})
      .value();
}

void check_round_trip(Bytes datagram) {
  const auto decoded = decode(datagram);
  if (!decoded) return;
  const auto encoded = encode(decoded->message);
  require(encoded.has_value());
  const auto again = decode(*encoded);
  require(decoded->message.header.follow_on || again.has_value());
  if (again) require(again->message == decoded->message);
}

void check_consistency(const N4& n4, const FakeInstaller& installer) {
  require(n4.session_count() == installer.sessions().size());
  for (const auto& [seid, spec] : installer.sessions()) {
    for (const auto& [id, pdr] : spec.pdrs) {
      require(spec.fars.contains(pdr.far));
      for (const QerId qer : pdr.qers) require(spec.qers.contains(qer));
    }
  }
  // UE addresses are a session's, two at most.
  require(n4.allocated_addresses() <= 2 * installer.sessions().size());
  // A traffic endpoint may have a tunnel that no PDR uses.
  if (installer.sessions().empty()) require(installer.teids().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  spdlog::set_level(spdlog::level::off);
  ManualClock clock;
  FakeInstaller installer;
  N4 n4(config(), installer, clock);
  const Peer smf{kSmf, kPort};
  n4.receive(smf, association());

  ByteReader input(Bytes(data, size));
  while (const auto length = input.u16()) {
    const Bytes datagram = input.take(*length).value_or(input.rest());
    check_round_trip(datagram);
    for (const auto& out : n4.receive(smf, datagram)) require(decode(out.bytes).has_value());
    check_consistency(n4, installer);
    clock.advance(std::chrono::seconds(1));
    for (const auto& out : n4.advance()) require(decode(out.bytes).has_value());
  }
  return 0;
}
