#include "mep/app-enablement/app_info.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace sluice::mep {
namespace {

using nlohmann::json;

const Registrant kStranger{};
const Registrant kRegistered{"app-9", std::nullopt};
const Registrant kProvisioned{"app-1", "streaming"};

struct Case {
  const char* behaviour;
  Registrant who;
  const char* patch;
  const char* offender;  // null: accepted
};

void judge(const char* base, const Case& c) {
  auto body = json::parse(base);
  body.merge_patch(json::parse(c.patch));
  const auto info = read_app_info(body, c.who);
  EXPECT_EQ(info.has_value(), c.offender == nullptr)
      << c.behaviour << (info ? "" : info.error().to_string());
  if (!info && c.offender != nullptr) {
    EXPECT_EQ(info.error().field, c.offender) << c.behaviour;
  }
}

TEST(AppInfo, OfAnAppThatNobodyStarted) {
  const auto* base = R"({"appName": "cam", "endpoint": {"uris": ["http://10.0.0.1:80/"]}})";
  for (const auto& c : {
           Case{"as it stands", kStranger, "{}", nullptr},
           Case{"the platform gives the id", kStranger, R"({"appInstanceId": "mine"})",
                "appInstanceId"},
           Case{"its own id, once it has one", kRegistered, R"({"appInstanceId": "app-9"})",
                nullptr},
           Case{"another's id", kRegistered, R"({"appInstanceId": "app-1"})", "appInstanceId"},
           Case{"no endpoint", kStranger, R"({"endpoint": null})", "endpoint"},
           Case{"two kinds of endpoint", kStranger, R"({"endpoint": {"fqdn": ["a.example"]}})",
                "endpoint"},
           Case{"an empty endpoint", kStranger, R"({"endpoint": {"uris": null}})", "endpoint"},
           Case{"no URI", kStranger, R"({"endpoint": {"uris": ["http://a", "no uri"]}})",
                "endpoint.uris[1]"},
           Case{"no name", kStranger, R"({"endpoint": {"uris": null, "fqdn": ["a..b"]}})",
                "endpoint.fqdn[0]"},
           Case{"no host", kStranger,
                R"({"endpoint": {"uris": null, "addresses": [{"host": "1.2.3.4", "port": 1},
                                                             {"host": "-", "port": 1}]}})",
                "endpoint.addresses[1]"},
           Case{"an endpoint of another form", kStranger,
                R"({"endpoint": {"uris": null, "alternative": {"bus": "x"}}})", nullptr},
           Case{"services and features", kStranger,
                R"({"appServiceRequired": [{"serName": "rni", "version": "2"}],
                    "appFeatureOptional": [{"featureName": "UEIdentity", "version": "1"}],
                    "appServiceProduced": [{"serName": "cam", "version": "1"}]})",
                nullptr},
           Case{"claims to be started", kStranger,
                R"({"isInsByMec": true, "appDId": "d", "appInstanceId": "app-1"})",
                "appInstanceId"},
           Case{"claims to be started as itself", kRegistered,
                R"({"isInsByMec": true, "appDId": "d", "appInstanceId": "app-9"})", "isInsByMec"},
           Case{"the provider of the profile", kStranger,
                R"({"appProvider": "p", "appProfile": {"provId": "p"}})", nullptr},
           Case{"another provider in the profile", kStranger,
                R"({"appProvider": "p", "appProfile": {"provId": "q"}})", "appProfile.provId"},
           Case{"the endpoint of the profile", kStranger,
                R"({"appProfile": {"endPt": {"uri": "http://10.0.0.1:80/"}}})", nullptr},
           Case{"another endpoint in the profile", kStranger,
                R"({"appProfile": {"endPt": {"ipv4Addrs": ["10.0.0.1"]}}})", "appProfile.endPt"},
       }) {
    judge(base, c);
  }
}

TEST(AppInfo, OfAnAppThatTheOrchestratorStarted) {
  const auto* base = R"({"appName": "streaming", "appDId": "d", "appInstanceId": "app-1",
                         "isInsByMec": true})";
  for (const auto& c : {
           Case{"as it stands", kProvisioned, "{}", nullptr},
           Case{"may be reached, too", kProvisioned, R"({"endpoint": {"fqdn": ["a.example"]}})",
                nullptr},
           Case{"no descriptor", kProvisioned, R"({"appDId": null})", "appDId"},
           Case{"no id", kProvisioned, R"({"appInstanceId": null})", "appInstanceId"},
           Case{"another's id", kProvisioned, R"({"appInstanceId": "app-2"})", "appInstanceId"},
           Case{"another name than its package's", kProvisioned, R"({"appName": "x"})", "appName"},
           Case{"repeats the descriptor", kProvisioned, R"({"appServiceRequired": []})",
                "appServiceRequired"},
           Case{"denies that it was started", kProvisioned,
                R"({"isInsByMec": false, "endpoint": {"fqdn": ["a.example"]}})", "isInsByMec"},
       }) {
    judge(base, c);
  }
}

TEST(AppInfo, KeepsTheMembersOfTheStandard) {
  const auto info = read_app_info(
      json::parse(R"({"appName": "cam", "x": 1, "endpoint": {"fqdn": ["a.example"]}})"), kStranger);
  ASSERT_TRUE(info);
  EXPECT_EQ(*info, json::parse(R"({"appName": "cam", "isInsByMec": false,
                                   "endpoint": {"fqdn": ["a.example"]}})"));
}

}  // namespace
}  // namespace sluice::mep
