// What the N4 tests share: an SMF made of builder functions, and N4 on a fake user plane.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "upf-dataplane/pfcp/fake_installer.h"
#include "upf-dataplane/pfcp/ie_access.h"
#include "upf-dataplane/pfcp/n4.h"
#include "upf-dataplane/pfcp/node_values.h"

namespace sluice::upf::pfcp::testing {

inline const Ipv4Address kSmfAddress(0x0a000001);  // 10.0.0.1
inline const Ipv4Address kUpfAddress(0x0a000002);
inline const Ipv4Address kN3Address(0xc0a80001);  // 192.168.0.1
inline const Ipv6Address kN3Address6 = Ipv6Address::parse("2001:db8:3::1").value();
inline const Ipv4Address kGnb(0xc0a800c8);  // 192.168.0.200
inline const Ipv4Address kUe(0x0a2d0002);   // 10.45.0.2
inline const Ipv4Address kOtherUe(0x0a2d0003);
inline const NodeId kSmf{.address = kSmfAddress};
inline constexpr uint64_t kSmfSeid = 0x77;

inline N4Config test_config() {
  return {.listen = kUpfAddress,
          .node_id = {.fqdn = "upf.example"},
          .gtp_endpoints = {{.v4 = kN3Address, .v6 = kN3Address6}}};
}

using Ies = std::vector<Ie>;

// Rules of a plain session: uplink PDR 1 (CHOOSE) to FAR 1, downlink PDR 2 to FAR 2.
inline Ies uplink_pdi(Ipv4Address ue = kUe) {
  return {ie(SourceInterface{Interface::kAccess}), ie(FTeid{.choose = true, .want_v4 = true}),
          ie(NetworkInstance{"access"}), ie(UeIpAddress{.v4 = ue})};
}
inline Ies downlink_pdi(Ipv4Address ue = kUe) {
  return {ie(SourceInterface{Interface::kCore}), ie(NetworkInstance{"internet"}),
          ie(UeIpAddress{.v4 = ue, .is_destination = true})};
}
inline Ie create_pdr(uint16_t id, Ies pdi, uint32_t far, Ies more = {}) {
  Ies children{ie(PdrId(id)), ie(Precedence{255}), group(IeType::kPdi, std::move(pdi)),
               ie(FarId(far))};
  children.insert(children.end(), more.begin(), more.end());
  return group(IeType::kCreatePdr, std::move(children));
}
inline Ie create_far(uint32_t id, Ies parameters, uint16_t action = ApplyAction::kForward) {
  return group(IeType::kCreateFar, {ie(FarId(id)), ie(ApplyAction{action}),
                                    group(IeType::kForwardingParameters, std::move(parameters))});
}
inline Ie create_qer(uint32_t id, Ies more = {}) {
  Ies children{ie(QerId(id)), ie(GateStatus{})};
  children.insert(children.end(), more.begin(), more.end());
  return group(IeType::kCreateQer, std::move(children));
}
inline Ie create_urr(uint32_t id, uint32_t triggers, Ies more = {}) {
  Ies children{ie(UrrId(id)), ie(MeasurementMethod{.time = true, .volume = true}),
               ie(ReportingTriggersValue{triggers})};
  children.insert(children.end(), more.begin(), more.end());
  return group(IeType::kCreateUrr, std::move(children));
}
inline Ies to_core() { return {ie(DestinationInterface{Interface::kCore})}; }
inline Ies to_gnb() {
  return {ie(DestinationInterface{Interface::kAccess}),
          ie(OuterHeaderCreation::gtp_u(Teid(0x500), kGnb))};
}
inline Ies plain_rules(Ipv4Address ue = kUe) {
  return {create_pdr(1, uplink_pdi(ue), 1, {ie(OuterHeaderRemoval{})}),
          create_pdr(2, downlink_pdi(ue), 2), create_far(1, to_core()), create_far(2, to_gnb())};
}
inline Ies establishment(Ies rules, const NodeId& node = kSmf, uint64_t seid = kSmfSeid) {
  Ies ies{ie(node), ie(FSeid{.seid = seid, .v4 = kSmfAddress})};
  ies.insert(ies.end(), rules.begin(), rules.end());
  return ies;
}

// The cause and what a response names besides.
struct Outcome {
  Cause cause{};
  IeType offending{};
  std::optional<FailedRuleId> failed_rule = {};
  bool operator==(const Outcome&) const = default;
};
inline Outcome outcome_of(const Message& response) {
  Outcome outcome;
  if (const auto v = read<Cause>(response.ies)) outcome.cause = v->value();
  if (const auto v = read<OffendingIe>(response.ies)) outcome.offending = v->value().type;
  if (const auto v = read<FailedRuleId>(response.ies)) outcome.failed_rule = v->value();
  return outcome;
}

// N4 with its surroundings, and an SMF that talks to it.
class N4Bench {
 public:
  explicit N4Bench(const N4Config& config = test_config()) : n4(config, installer, clock) {
    spdlog::set_level(spdlog::level::off);  // hundreds of rejections are meant to happen
  }

  // Sends one message and returns the only response; nullopt when there is none.
  std::optional<Message> send(MessageType type, Ies ies, std::optional<uint64_t> seid = {},
                              std::optional<uint32_t> sequence = {}) {
    const Header header{.type = type, .seid = seid, .sequence = sequence.value_or(++last_sequence)};
    return send_bytes(encode({header, std::move(ies)}).value());
  }
  std::optional<Message> send_bytes(Bytes bytes) {
    const auto out = n4.receive(smf, bytes);
    if (out.empty()) return std::nullopt;
    return decode(out.front().bytes).value().message;
  }

  Message associate(const NodeId& node = kSmf, std::chrono::sys_seconds started = kStarted,
                    Ies more = {}) {
    Ies ies{ie(node), ie(RecoveryTimeStamp{started})};
    ies.insert(ies.end(), more.begin(), more.end());
    return send(MessageType::kAssociationSetupRequest, ies).value();
  }
  Message establish(Ies rules = plain_rules(), uint64_t smf_seid = kSmfSeid) {
    return send(MessageType::kSessionEstablishmentRequest,
                establishment(std::move(rules), kSmf, smf_seid), 0)
        .value();
  }
  // Establishes a plain session and returns our SEID.
  uint64_t plain_session(uint64_t smf_seid = kSmfSeid, Ipv4Address ue = kUe) {
    return read<FSeid>(establish(plain_rules(ue), smf_seid).ies).value().value().seid;
  }
  Message modify(uint64_t seid, Ies ies) {
    return send(MessageType::kSessionModificationRequest, std::move(ies), seid).value();
  }

  static constexpr std::chrono::sys_seconds kStarted{
      std::chrono::sys_days{std::chrono::year(2026) / 1 / 1}};

  ManualClock clock;
  FakeInstaller installer;
  Peer smf{kSmfAddress, kPort};
  N4 n4;
  uint32_t last_sequence = 0;
};

}  // namespace sluice::upf::pfcp::testing
