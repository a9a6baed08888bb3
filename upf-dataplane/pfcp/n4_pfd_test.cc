// Applications that an SMF describes, and PDRs that name them.
#include <gtest/gtest.h>

#include "upf-dataplane/pfcp/n4_test_support.h"
#include "upf-dataplane/pfcp/pfd_values.h"

namespace sluice::upf::pfcp::testing {
namespace {

const Outcome kAccepted{Cause::kRequestAccepted};

Ie application(const char* name, std::vector<std::string> flows) {
  return group(IeType::kApplicationIdPfds,
               {ie(ApplicationId{name}),
                group(IeType::kPfdContext, {ie(PfdContents{.flows = std::move(flows)})})});
}

class N4Pfd : public ::testing::Test {
 protected:
  N4Pfd() { bench.associate(); }
  Outcome manage(Ies ies) {
    return outcome_of(*bench.send(MessageType::kPfdManagementRequest, std::move(ies)));
  }
  // A session whose uplink PDR names an application.
  Outcome establish(const char* name) {
    Ies rules = plain_rules();
    rules[0].children[2].children.push_back(ie(ApplicationId{name}));
    const auto response = bench.establish(rules);
    if (const auto f_seid = read<FSeid>(response.ies)) seid = f_seid->value().seid;
    return outcome_of(response);
  }
  std::vector<SdfFilter> filters() {
    return bench.installer.sessions().begin()->second.pdrs.at(PdrId(1)).sdf;
  }

  N4Bench bench;
  uint64_t seid = 0;
};

TEST_F(N4Pfd, an_applications_flows_are_its_pdrs_filters_as_they_change) {
  ASSERT_EQ(manage({application("video", {"permit out 17 from 192.0.2.0/24 443 to assigned",
                                          "permit out 6 from 192.0.2.9 to any"})}),
            kAccepted);
  ASSERT_EQ(establish("video"), kAccepted);
  ASSERT_EQ(filters().size(), 2U);
  EXPECT_EQ(filters()[0].remote, *IpPrefix::parse("192.0.2.0/24"));
  ASSERT_EQ(manage({application("video", {"permit out 6 from 198.51.100.1 to any"}),
                    application("other", {"permit out ip from any to any"})}),
            kAccepted);
  ASSERT_EQ(filters().size(), 1U);
  EXPECT_EQ(filters()[0].remote, *IpPrefix::parse("198.51.100.1/32"));
  // Removed: the PDR matches nothing, which is not the same as everything.
  ASSERT_EQ(manage({group(IeType::kApplicationIdPfds, {ie(ApplicationId{"video"})})}), kAccepted);
  ASSERT_EQ(filters().size(), 1U);
  EXPECT_GT(filters()[0].remote_ports.at(0).low, filters()[0].remote_ports.at(0).high);
  ASSERT_EQ(manage({application("video", {"permit out 6 from 198.51.100.2 to any"})}), kAccepted);
  EXPECT_EQ(filters()[0].remote, *IpPrefix::parse("198.51.100.2/32"));
}

TEST_F(N4Pfd, a_request_without_applications_removes_all) {
  ASSERT_EQ(manage({application("video", {"permit out ip from any to any"})}), kAccepted);
  ASSERT_EQ(manage({}), kAccepted);
  EXPECT_EQ(establish("video"), (Outcome{Cause::kUnknownApplicationId, IeType::kApplicationId,
                                         FailedRuleId{RuleType::kPdr, 1}}));
}

TEST_F(N4Pfd, what_cannot_be_told_from_packets_is_refused_and_nothing_changes) {
  ASSERT_EQ(manage({application("video", {"permit out ip from any to any"})}), kAccepted);
  const auto raw = [](std::vector<uint8_t> value) {
    return group(IeType::kApplicationIdPfds,
                 {ie(ApplicationId{"video"}),
                  group(IeType::kPfdContext, {{.type = IeType::kPfdContents, .value = value}})});
  };
  struct {
    const char* what;
    Ie ie;
    Outcome outcome;
  } const cases[] = {
      {"a URL", raw({0x02, 0, 0, 1, 'u'}), {Cause::kServiceNotSupported, IeType::kPfdContents}},
      {"a domain name",
       raw({0x04, 0, 0, 1, 'd'}),
       {Cause::kServiceNotSupported, IeType::kPfdContents}},
      {"nothing", raw({0, 0}), {Cause::kMandatoryIeIncorrect, IeType::kPfdContents}},
      {"a flow cut off", raw({0x01, 0, 0, 9, 'p'}), {Cause::kInvalidLength, IeType::kPfdContents}},
      {"a malformed flow",
       application("video", {"permit out tcp"}),
       {Cause::kMandatoryIeIncorrect, IeType::kPfdContents}},
      {"no application",
       group(IeType::kApplicationIdPfds, {}),
       {Cause::kMandatoryIeMissing, IeType::kApplicationId}},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(manage({application("new", {"permit out ip from any to any"}), c.ie}), c.outcome)
        << c.what;
  }
  EXPECT_EQ(establish("new").cause, Cause::kUnknownApplicationId);
  EXPECT_EQ(establish("video"), kAccepted);
}

TEST_F(N4Pfd, only_an_associated_smf_describes_applications) {
  bench.smf.address = kGnb;
  EXPECT_EQ(manage({}), Outcome{Cause::kNoEstablishedAssociation});
}

TEST_F(N4Pfd, a_pdi_has_filters_or_an_application) {
  ASSERT_EQ(manage({application("video", {"permit out ip from any to any"})}), kAccepted);
  Ies rules = plain_rules();
  rules[0].children[2].children.push_back(ie(ApplicationId{"video"}));
  rules[0].children[2].children.push_back(
      ie(SdfFilterValue{.flow_description = "permit out ip from any to any"}));
  EXPECT_EQ(outcome_of(bench.establish(rules)),
            (Outcome{Cause::kServiceNotSupported, IeType::kApplicationId,
                     FailedRuleId{RuleType::kPdr, 1}}));
}

}  // namespace
}  // namespace sluice::upf::pfcp::testing
