#include "upf-dataplane/pfcp/values.h"

#include <gtest/gtest.h>

#include "upf-dataplane/pfcp/ie_access.h"
#include "upf-dataplane/pfcp/node_values.h"

namespace sluice::upf::pfcp {
namespace {

using Octets = std::vector<uint8_t>;

const Ipv4Address kV4(0xc0000201);  // 192.0.2.1
const Ipv6Address kV6 = Ipv6Address::parse("2001:db8::1").value();
const Octets kV6Octets{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

Octets operator+(Octets a, const Octets& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// A value and its octets, which every value here reads from and writes to.
struct ValueCase {
  const char* what;
  Ie written;
  Octets octets;
  Ie (*reread)(Bytes);  // reads a value and writes it again
};

template <typename T>
ValueCase value_case(const char* what, const T& value, Octets octets) {
  return {what, ie(value), std::move(octets), [](Bytes bytes) {
            const auto value_read = IeCodec<T>::read(bytes);
            return value_read ? ie(*value_read) : Ie{};
          }};
}

std::vector<ValueCase> value_cases() {
  return {
      value_case("Cause", Cause::kNoEstablishedAssociation, {72}),
      value_case("Node ID, IPv4", NodeId{.address = kV4}, {0, 192, 0, 2, 1}),
      value_case("Node ID, IPv6", NodeId{.address = kV6}, Octets{1} + kV6Octets),
      value_case("Node ID, FQDN", NodeId{.fqdn = "smf.org"},
                 {2, 3, 's', 'm', 'f', 3, 'o', 'r', 'g'}),
      value_case("F-SEID, IPv4", FSeid{.seid = 5, .v4 = kV4},
                 {2, 0, 0, 0, 0, 0, 0, 0, 5, 192, 0, 2, 1}),
      value_case("F-SEID, both", FSeid{.seid = 5, .v4 = kV4, .v6 = kV6},
                 Octets{3, 0, 0, 0, 0, 0, 0, 0, 5, 192, 0, 2, 1} + kV6Octets),
      value_case("F-TEID, given", FTeid{.teid = Teid(0x01020304), .v4 = kV4},
                 {1, 1, 2, 3, 4, 192, 0, 2, 1}),
      value_case("F-TEID, given for both", FTeid{.teid = Teid(1), .v4 = kV4, .v6 = kV6},
                 Octets{3, 0, 0, 0, 1, 192, 0, 2, 1} + kV6Octets),
      value_case("F-TEID, CHOOSE", FTeid{.choose = true, .want_v4 = true}, {5}),
      value_case("F-TEID, CHOOSE ID",
                 FTeid{.choose = true, .choose_id = 9, .want_v4 = true, .want_v6 = true},
                 {0x0f, 9}),
      value_case("PDR ID", PdrId(0x0102), {1, 2}),
      value_case("FAR ID", FarId(0x01020304), {1, 2, 3, 4}),
      value_case("QER ID", QerId(0x80000001), {0x80, 0, 0, 1}),
      value_case("QFI", Qfi(63), {63}),
      value_case("Precedence", Precedence{255}, {0, 0, 0, 255}),
      value_case("Source Interface", SourceInterface{Interface::kCore}, {1}),
      value_case("Destination Interface", DestinationInterface{Interface::kCpFunction}, {3}),
      value_case("Network Instance", NetworkInstance{"internet"},
                 {'i', 'n', 't', 'e', 'r', 'n', 'e', 't'}),
      value_case("APN/DNN", Dnn{"ims.mnc"}, {3, 'i', 'm', 's', 3, 'm', 'n', 'c'}),
      value_case("S-NSSAI", SNssai{{.sst = 1, .sd = 0x10203}}, {1, 1, 2, 3}),
      value_case("S-NSSAI without SD", SNssai{{.sst = 255}}, {255, 0xff, 0xff, 0xff}),
      value_case("UE IP Address, source", UeIpAddress{.v4 = kV4}, {2, 192, 0, 2, 1}),
      value_case("UE IP Address, destination, IPv6 /64",
                 UeIpAddress{.v6 = *IpPrefix::make(kV6, 64), .is_destination = true},
                 Octets{5} + kV6Octets),
      value_case("UE IP Address, IPv6 /56",
                 UeIpAddress{.v6 = *IpPrefix::make(kV6, 56), .is_destination = true},
                 Octets{0x45} + kV6Octets + Octets{56}),
      value_case("UE IP Address, to be allocated", UeIpAddress{.choose_v4 = true}, {0x10}),
      value_case("SDF Filter, flow", SdfFilterValue{.flow_description = "abc"},
                 {1, 0, 0, 3, 'a', 'b', 'c'}),
      value_case("SDF Filter, everything",
                 SdfFilterValue{.flow_description = "a",
                                .tos = 0xb8fc,
                                .spi = 0x01020304,
                                .flow_label = 0xfffff,
                                .filter_id = 7},
                 {0x1f, 0, 0, 1, 'a', 0xb8, 0xfc, 1, 2, 3, 4, 0x0f, 0xff, 0xff, 0, 0, 0, 7}),
      value_case("Outer Header Removal", OuterHeaderRemoval{OuterHeaderKind::kGtpUUdpIpv4}, {0}),
      value_case("Outer Header Removal, extensions",
                 OuterHeaderRemoval{OuterHeaderKind::kGtpUUdpIp, 1}, {6, 1}),
      value_case("Outer Header Creation, IPv4", OuterHeaderCreation::gtp_u(Teid(1), kV4),
                 {1, 0, 0, 0, 0, 1, 192, 0, 2, 1}),
      value_case("Outer Header Creation, IPv6", OuterHeaderCreation::gtp_u(Teid(1), kV6),
                 Octets{2, 0, 0, 0, 0, 1} + kV6Octets),
      value_case("Outer Header Creation, UDP",
                 OuterHeaderCreation{
                     .description = OuterHeaderCreation::kUdpIpv4, .v4 = kV4, .port = 2152},
                 {4, 0, 192, 0, 2, 1, 0x08, 0x68}),
      value_case("Apply Action", ApplyAction{ApplyAction::kForward}, {2, 0}),
      value_case("Apply Action, second octet", ApplyAction{0x0402}, {2, 4}),
      value_case("Gate Status", GateStatus{.uplink_open = false, .downlink_open = true}, {4}),
      value_case("Recovery Time Stamp",
                 RecoveryTimeStamp{std::chrono::sys_days{std::chrono::year(2026) / 1 / 1}},
                 {0xed, 0x00, 0x37, 0x80}),
      value_case("UP Function Features", UpFunctionFeatures{0x20000010},
                 {0x10, 0, 0, 0x20, 0, 0, 0, 0}),
      value_case("PFCPASRsp-Flags", AssociationSetupResponseFlags{true}, {1}),
      value_case("Offending IE", OffendingIe{IeType::kFTeid}, {0, 21}),
      value_case("Failed Rule ID, PDR", FailedRuleId{RuleType::kPdr, 0x0102}, {0, 1, 2}),
      value_case("Failed Rule ID, FAR", FailedRuleId{RuleType::kFar, 0x01020304}, {1, 1, 2, 3, 4}),
      value_case("Failed Rule ID, BAR", FailedRuleId{RuleType::kBar, 9}, {4, 9}),
      value_case("PDN Type", PdnType{PdnType::kEthernet}, {5}),
  };
}

TEST(Values, write_the_octets_of_the_standard_and_read_them_back) {
  for (const auto& c : value_cases()) {
    EXPECT_EQ(c.written.value, c.octets) << c.what;
    EXPECT_EQ(c.reread(c.octets), c.written) << c.what;
  }
}

TEST(Values, of_a_later_release_are_read_as_far_as_they_are_known) {
  for (const auto& c : value_cases()) {
    const bool is_text = c.written.type == IeType::kNetworkInstance ||
                         c.written.type == IeType::kApnDnn || c.octets[0] == 2;
    const bool has_more_known =
        c.written.type == IeType::kOuterHeaderRemoval || c.written.type == IeType::kApplyAction;
    if (is_text || has_more_known) continue;
    EXPECT_EQ(c.reread(c.octets + Octets{0, 0}), c.written) << c.what;
  }
}

TEST(Values, that_are_cut_off_are_refused) {
  for (const auto& c : value_cases()) {
    if (c.written.type == IeType::kNetworkInstance || c.written.type == IeType::kApnDnn ||
        c.written.type == IeType::kApplyAction || c.written.type == IeType::kUpFunctionFeatures ||
        c.octets == Octets{6, 1}) {
      continue;  // a shorter one is another valid value
    }
    const Bytes cut(c.octets.data(), c.octets.size() - 1);
    EXPECT_EQ(c.reread(cut), Ie{}) << c.what;
  }
}

template <typename T>
Cause refusal(const Octets& octets) {
  const auto value = IeCodec<T>::read(octets);
  return value ? Cause::kRequestAccepted : value.error().cause;
}

TEST(Values, that_make_no_sense_are_refused) {
  const Cause incorrect = Cause::kMandatoryIeIncorrect;
  EXPECT_EQ(refusal<NodeId>({3, 1, 2, 3, 4}), incorrect);
  EXPECT_EQ(refusal<NodeId>({2, 5, 'a'}), incorrect);
  EXPECT_EQ(refusal<NodeId>({2, 3, 'a', '.', 'b'}), incorrect);
  EXPECT_EQ(refusal<FSeid>({0, 0, 0, 0, 0, 0, 0, 0, 1}), incorrect);
  EXPECT_EQ(refusal<FTeid>({4}), incorrect) << "CHOOSE of no address";
  EXPECT_EQ(refusal<FTeid>({9, 0, 0, 0, 1, 192, 0, 2, 1}), incorrect) << "CHID without CH";
  EXPECT_EQ(refusal<SourceInterface>({4}), Cause::kServiceNotSupported) << "5G VN";
  EXPECT_EQ(refusal<NetworkInstance>({'a', 0x7f}), incorrect);
  EXPECT_EQ(refusal<NetworkInstance>({}), Cause::kInvalidLength);
  EXPECT_EQ(refusal<UeIpAddress>(Octets{0x09} + kV6Octets + Octets{65}), incorrect);
  EXPECT_EQ(refusal<UeIpAddress>(Octets{0x41} + kV6Octets + Octets{129}), incorrect);
  EXPECT_EQ(refusal<UeIpAddress>(Octets{0x41} + kV6Octets + Octets{0}), incorrect);
  EXPECT_EQ(refusal<UeIpAddress>(Octets{0x49} + kV6Octets + Octets{8, 56}), incorrect);
  EXPECT_EQ(refusal<OuterHeaderRemoval>({9}), incorrect);
}

TEST(Values, in_older_or_looser_forms_are_accepted) {
  EXPECT_EQ(IeCodec<ApplyAction>::read(Octets{2})->actions, ApplyAction::kForward)
      << "one octet, as in Release 15";
  EXPECT_EQ(IeCodec<NetworkInstance>::read(Octets{3, 'i', 'm', 's'})->name, "ims") << "an APN";
  EXPECT_EQ(IeCodec<Dnn>::read(Octets{'i', 'm', 's'})->name, "ims") << "text";
  EXPECT_EQ(IeCodec<NodeId>::read(Octets{2, 1, 'a', 0})->fqdn, "a") << "with the root label";
  EXPECT_EQ(IeCodec<UeIpAddress>::read(Octets{0x09} + kV6Octets + Octets{8})->v6->length(), 56U)
      << "IPv6D counts the bits before the 64th";
  EXPECT_FALSE(IeCodec<GateStatus>::read(Octets{0x0a})->uplink_open) << "spare values close";
}

TEST(IeAccess, takes_the_first_of_repeated_elements) {
  const std::vector<Ie> ies{ie(PdrId(1)), ie(PdrId(2)), ie(FarId(3))};
  EXPECT_EQ(read<PdrId>(ies).value().value(), PdrId(1));
  EXPECT_FALSE(read<QerId>(ies));
  EXPECT_EQ(std::ranges::distance(all(ies, IeType::kPdrId)), 2);
}

}  // namespace
}  // namespace sluice::upf::pfcp
