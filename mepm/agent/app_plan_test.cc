// What descriptors come to, and what of them is refused.
#include "mepm/agent/app_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::mepm {
namespace {

using nlohmann::json;

json descriptor() {
  return {{"appName", "app"},
          {"osContainerDescriptor", json::array({{{"osContainerDescId", "main"},
                                                  {"swImageDesc", "image"},
                                                  {"bootData", R"({"readiness": "MANAGER"})"}}})}};
}

TEST(Plan, what_a_descriptor_asks_for_is_carried_out_or_refused) {
  const struct {
    const char* member;
    json value;
    const char* why;
  } cases[] = {
      {"bootData", "words", "bootData: has to be a JSON object"},
      {"bootData", R"({"restart": 1})", "has restart that is not understood"},
      {"bootData", R"({"environment": {"MEC_CLIENT_SECRET": "x"}})",
       "cannot set MEC_CLIENT_SECRET"},
      {"bootData", R"({"liveness": {"http": {"port": 0, "path": "/"}}})", "bootData.liveness"},
      {"bootData", R"({"liveness": {"command": []}})", "bootData.liveness"},
      {"ephemeralStorageResourceLimit", 5, "is not carried out here"},
      {"requestedEphemeralStorageResources", 5, "is not carried out here"},
  };
  for (const auto& c : cases) {
    auto appd = descriptor();
    appd["osContainerDescriptor"][0][c.member] = c.value;
    const auto done = check_plan(appd);
    ASSERT_FALSE(done) << c.why;
    EXPECT_THAT(done.error().message, testing::HasSubstr(c.why));
  }
  EXPECT_TRUE(check_plan(descriptor()));
  for (const auto* member : {"mcioIdentificationData", "appFeatureRequired", "logicalNode"}) {
    auto appd = descriptor();
    appd[member] = json::array({{{"name", "x"}}});
    EXPECT_FALSE(check_plan(appd)) << member;
  }
  EXPECT_EQ(container_name("my_app.1"), "my-app-1");
}

TEST(Plan, an_app_has_the_address_that_its_rules_lead_to) {
  AppOptions options;
  options.addresses = {"10.9.0.20", "10.9.0.21"};
  auto appd = descriptor();
  EXPECT_EQ(choose_address(appd, options, {"10.9.0.20"}).value_or(""), "10.9.0.21");
  EXPECT_FALSE(choose_address(appd, options, options.addresses));
  appd["appDNSRule"] = json::array({{{"dnsRuleId", "d"}, {"ipAddress", "10.9.0.21"}}});
  EXPECT_EQ(choose_address(appd, options, {}).value_or(""), "10.9.0.21");
  EXPECT_FALSE(choose_address(appd, options, {"10.9.0.21"}));
  appd["appDNSRule"][0]["ipAddress"] = "0.0.0.0";
  const PackageRecord package{.id = "p", .sha256 = "", .appd = appd, .images = {}};
  const auto plan = plan_of(package, {.id = "i", .package = "p", .address = "10.9.0.20"}, options);
  EXPECT_EQ(plan.input["dnsRules"][0]["ipAddress"], "10.9.0.20");
  EXPECT_TRUE(plan.ready_by_manager);
}

}  // namespace
}  // namespace sluice::mepm
