// Sessions over N4: limits, and a user plane that refuses.
#include <gtest/gtest.h>

#include "upf-dataplane/pfcp/n4_test_support.h"

namespace sluice::upf::pfcp::testing {
namespace {

constexpr FailedRuleId pdr(uint16_t id) { return {RuleType::kPdr, id}; }
constexpr FailedRuleId far(uint32_t id) { return {RuleType::kFar, id}; }

Ies plus(Ie more) {
  Ies rules = plain_rules();
  rules.push_back(std::move(more));
  return rules;
}

TEST(N4Session, a_user_plane_that_refuses_is_reported_and_changes_nothing) {
  for (const auto& [code, cause] : std::vector<std::pair<ErrorCode, Cause>>{
           {ErrorCode::kResourceExhausted, Cause::kNoResourcesAvailable},
           {ErrorCode::kConflict, Cause::kRuleCreationOrModificationFailure},
           {ErrorCode::kUnsupported, Cause::kServiceNotSupported},
           {ErrorCode::kInternal, Cause::kSystemFailure}}) {
    N4Bench bench;
    bench.associate();
    bench.installer.fail_next = Error{code, "no", "here"};
    EXPECT_EQ(outcome_of(bench.establish()), Outcome{cause}) << "\"here\" is no element";
    EXPECT_TRUE(bench.installer.teids().empty());
    bench.installer.fail_next = Error{code, "no", "UE IP Address"};
    EXPECT_EQ(outcome_of(bench.establish()), (Outcome{cause, IeType::kUeIpAddress}));
    const uint64_t seid = bench.plain_session();
    const auto teids = bench.installer.teids();
    bench.installer.fail_next = Error{code, "no", "here"};
    EXPECT_EQ(outcome_of(bench.modify(seid, {create_pdr(9, uplink_pdi(), 1)})).cause, cause);
    EXPECT_EQ(bench.installer.teids(), teids);
    EXPECT_EQ(outcome_of(bench.modify(seid, {create_pdr(9, uplink_pdi(), 1)})).cause,
              Cause::kRequestAccepted)
        << "PDR 9 was not half created";
  }
}

TEST(N4Session, limits_are_reported_not_silently_applied) {
  using enum Cause;
  N4Config config = test_config();
  config.limits.pdrs_per_session = 2;
  config.limits.fars_per_session = 2;
  config.limits.sessions_per_association = 2;
  config.limits.sdf_filters_per_pdr = 1;
  N4Bench bench(config);
  bench.associate();
  EXPECT_EQ(outcome_of(bench.establish(plus(create_pdr(3, downlink_pdi(), 2)))),
            (Outcome{kNoResourcesAvailable, IeType::kPdrId, pdr(3)}));
  EXPECT_EQ(outcome_of(bench.establish(plus(create_far(3, to_core())))),
            (Outcome{kNoResourcesAvailable, IeType::kFarId, far(3)}));
  Ies pdi = downlink_pdi();
  pdi.insert(pdi.end(), 2, ie(SdfFilterValue{.spi = 1}));
  EXPECT_EQ(outcome_of(bench.establish({create_pdr(3, pdi, 2), create_far(2, to_core())})),
            (Outcome{kNoResourcesAvailable, IeType::kSdfFilter, pdr(3)}));
  bench.installer.max_teids = 0;
  EXPECT_EQ(outcome_of(bench.establish()),
            (Outcome{kNoResourcesAvailable, IeType::kFTeid, pdr(1)}));
  bench.installer.max_teids = 10;
  bench.plain_session();
  bench.plain_session(kSmfSeid, kOtherUe);
  EXPECT_EQ(outcome_of(bench.establish()), Outcome{kNoResourcesAvailable});
}

}  // namespace
}  // namespace sluice::upf::pfcp::testing
