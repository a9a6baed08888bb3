#include "lab/session_rules.h"

#include <gtest/gtest.h>

#include "upf-dataplane/pfcp/ie_access.h"

namespace sluice::lab {
namespace {

namespace pfcp = upf::pfcp;
using pfcp::group;
using pfcp::ie;
using pfcp::IeType;

SessionPlan plan_for(const char* gnb) {
  SessionPlan plan;
  plan.cp_seid = 7;
  plan.smf = *IpAddress::parse("10.0.4.2");
  plan.ue_v4 = *Ipv4Address::parse("10.45.0.7");
  plan.ue_v6 = *IpPrefix::parse("fd45:0:0:7::/64");
  plan.gnb = *IpAddress::parse(gnb);
  plan.downlink_teid = Teid(0x1234);
  return plan;
}

pfcp::Ie up_f_seid(uint64_t seid) {
  return ie(pfcp::FSeid{.seid = seid, .v4 = *Ipv4Address::parse("10.0.4.1")});
}

pfcp::FTeid f_teid(bool v4, bool v6) {
  pfcp::FTeid out;
  out.teid = upf::Teid(0xabcd);
  if (v4) out.v4 = *Ipv4Address::parse("192.168.3.1");
  if (v6) out.v6 = *Ipv6Address::parse("fd03::1");
  return out;
}

pfcp::Message response(std::vector<pfcp::Ie> ies) {
  pfcp::Message message;
  message.header.type = pfcp::MessageType::kSessionEstablishmentResponse;
  message.ies = std::move(ies);
  return message;
}

TEST(EstablishmentRequest, AsksForATunnelOfTheGnbsFamily) {
  for (const auto* gnb : {"192.168.3.2", "fd03::2"}) {
    const auto request = establishment_request(plan_for(gnb));
    const auto* pdr = pfcp::find(request.ies, IeType::kCreatePdr);
    ASSERT_NE(pdr, nullptr);
    const auto* pdi = pfcp::find(pdr->children, IeType::kPdi);
    ASSERT_NE(pdi, nullptr);
    const auto asked = pfcp::read<pfcp::FTeid>(pdi->children).value().value();
    EXPECT_TRUE(asked.choose);
    EXPECT_EQ(asked.want_v4, std::string(gnb) == "192.168.3.2");
    EXPECT_EQ(asked.want_v6, std::string(gnb) == "fd03::2");
  }
}

TEST(EstablishmentRequest, PutsEveryFilterIntoBothDirections) {
  auto plan = plan_for("192.168.3.2");
  plan.sdf_filters = {"permit out ip from 192.0.2.0/24 to assigned",
                      "permit out 17 from any 53 to assigned"};
  const auto request = establishment_request(plan);
  for (const auto& pdr : pfcp::all(request.ies, IeType::kCreatePdr)) {
    const auto* pdi = pfcp::find(pdr.children, IeType::kPdi);
    ASSERT_NE(pdi, nullptr);
    std::vector<std::string> found;
    for (const auto& filter : pfcp::all(pdi->children, IeType::kSdfFilter)) {
      const auto value = pfcp::IeCodec<pfcp::SdfFilterValue>::read(filter.value);
      ASSERT_TRUE(value);
      found.push_back(value->flow_description.value_or(""));
    }
    EXPECT_EQ(found, plan.sdf_filters);
  }
}

TEST(EstablishmentResponse, YieldsSeidAndTunnel) {
  const auto established = read_establishment(
      response({ie(pfcp::Cause::kRequestAccepted), up_f_seid(99),
                group(IeType::kCreatedPdr, {ie(upf::PdrId(1)), ie(f_teid(true, true))})}),
      plan_for("fd03::2"));
  ASSERT_TRUE(established) << established.error().to_string();
  EXPECT_EQ(established->up_seid, 99U);
  EXPECT_EQ(established->tunnel.teid, Teid(0xabcd));
  EXPECT_EQ(established->tunnel.peer.to_string(), "fd03::1");
  EXPECT_EQ(established->tunnel.qfi, 9);
}

struct RefusalCase {
  std::string name;
  std::vector<pfcp::Ie> ies;
  ErrorCode code;
  std::string message;
};

class EstablishmentRefusal : public testing::TestWithParam<RefusalCase> {};

TEST_P(EstablishmentRefusal, IsNamed) {
  const auto established = read_establishment(response(GetParam().ies), plan_for("192.168.3.2"));
  ASSERT_FALSE(established);
  EXPECT_EQ(established.error().code, GetParam().code);
  EXPECT_EQ(established.error().message, GetParam().message);
}

constexpr auto kCaseName = [](const auto& test) { return test.param.name; };

INSTANTIATE_TEST_SUITE_P(
    Table, EstablishmentRefusal,
    testing::Values(
        RefusalCase{"NoCause", {}, ErrorCode::kInternal, "the response lacks Cause (19)"},
        RefusalCase{"Congestion",
                    {ie(pfcp::Cause::kEntityInCongestion)},
                    ErrorCode::kUnavailable,
                    std::string(pfcp::cause_name(pfcp::Cause::kEntityInCongestion))},
        RefusalCase{"OffendingIe",
                    {ie(pfcp::Cause::kMandatoryIeMissing), ie(pfcp::OffendingIe{IeType::kFarId})},
                    ErrorCode::kInvalidArgument,
                    std::string(pfcp::cause_name(pfcp::Cause::kMandatoryIeMissing)) +
                        ", offending IE FAR ID (108)"},
        RefusalCase{"NoCreatedPdr",
                    {ie(pfcp::Cause::kRequestAccepted), up_f_seid(1)},
                    ErrorCode::kInternal,
                    "the response has no Created PDR for the uplink"},
        RefusalCase{"TunnelOfTheOtherFamily",
                    {ie(pfcp::Cause::kRequestAccepted), up_f_seid(1),
                     group(IeType::kCreatedPdr, {ie(upf::PdrId(1)), ie(f_teid(false, true))})},
                    ErrorCode::kInternal,
                    "the UPF's F-TEID lacks an IPv4 address"}),
    kCaseName);

}  // namespace
}  // namespace sluice::lab
