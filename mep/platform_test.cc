// The platform end to end without HTTP sockets: requests into the router, a user plane at the other
// end of a real Mp2 socket.
#include "mep/platform.h"
#include "base/http/pending_response.h"
#include "base/run_until.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "mep/steering/fake_upf.h"
#include "mep/test_apps.h"

namespace sluice::mep {
namespace {

using http::Method;
using nlohmann::json;
using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr const char* kRulePath = "/mec_app_support/v1/applications/app-1/traffic_rules/video";

class PlatformTest : public testing::Test {
 protected:
  PlatformTest() {
    auto pattern = (std::filesystem::temp_directory_path() / "mep-platform-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    start();
  }
  ~PlatformTest() override {
    platform_.reset();
    upf_.reset();
    std::filesystem::remove_all(directory_);
  }

  void start() {
    platform_.reset();
    PlatformConfig config;
    config.state_directory = directory_ + "/state";
    config.steering.mp2 = {directory_ + "/mp2.sock", mp2::kDefaultMaxLine, milliseconds(1),
                           milliseconds(4)};
    config.limits = limits_;
    auto platform = Platform::start(loop_, clock_, config);
    ASSERT_TRUE(platform) << platform.error().to_string();
    platform_ = std::move(*platform);
  }
  void start_upf() { upf_ = std::make_unique<FakeUpf>(loop_, directory_ + "/mp2.sock"); }

  struct Sent {
    Method method;
    std::string target;
    json body = nullptr;
    std::vector<std::pair<std::string, std::string>> headers = {};
  };
  http::Response send(const std::string& token, const Sent& sent) {
    http::Request request;
    request.method = sent.method;
    request.target = sent.target;
    request.headers.add("Host", "mep");
    if (!token.empty()) request.headers.add("Authorization", "Bearer " + token);
    if (!sent.body.is_null()) {
      request.body = sent.body.dump();
      request.headers.add("Content-Type", "application/json");
    }
    for (const auto& [name, value] : sent.headers) request.headers.add(name, value);
    return http::await(platform_->handle(std::move(request)));
  }
  std::string token(const std::string& id, const std::string& secret) {
    http::Request request;
    request.method = Method::kPost;
    request.target = "/oauth2/token";
    request.headers.add("Content-Type", "application/x-www-form-urlencoded");
    request.body = "grant_type=client_credentials&client_id=" + id + "&client_secret=" + secret;
    const auto response = http::await(platform_->handle(std::move(request)));
    EXPECT_EQ(response.status, 200) << response.body;
    return response.status == 200 ? json::parse(response.body)["access_token"] : "";
  }
  std::string operator_token() {
    const auto file = json::parse(std::ifstream(directory_ + "/state/operator.json"));
    return token(file["client_id"], file["client_secret"]);
  }
  static json app_input() {
    return {{"appName", "streaming"},
            {"trafficRules", {test_traffic_rule()}},
            {"dnsRules", {test_dns_rule()}}};
  }
  // Provisions and returns the app's token.
  std::string provision(const std::string& id, const json& input = app_input()) {
    const auto reply = send(operator_token(), {Method::kPut, "/mm5/v1/app_instances/" + id, input});
    EXPECT_EQ(reply.status, 201) << reply.body;
    const auto credentials = json::parse(reply.body).at("credentials");
    return token(credentials["clientId"], credentials["clientSecret"]);
  }
  void confirm_ready(const std::string& app_token, const std::string& id = "app-1") {
    const auto reply = send(app_token, {Method::kPost,
                                        "/mec_app_support/v1/applications/" + id + "/confirm_ready",
                                        {{"indication", "READY"}}});
    EXPECT_EQ(reply.status, 204) << reply.body;
  }
  json rule_status(const std::string& id, const std::string& rule) {
    const auto reply =
        send(operator_token(), {Method::kGet, "/mm5/v1/app_instances/" + id + "/rules"});
    EXPECT_EQ(reply.status, 200) << reply.body;
    for (const auto& status : json::parse(reply.body)) {
      if (status["ruleId"] == rule) return status;
    }
    return nullptr;
  }
  [[nodiscard]] bool serve_until(const std::function<bool()>& done) {
    return run_until(loop_, done);
  }
  [[nodiscard]] bool in_step() {
    return serve_until([&] {
      return upf_->generation() == platform_->store().snapshot().generation() &&
             platform_->rule_status().link().installed_generation == upf_->generation();
    });
  }
  static json switched(json rule, const char* state) {
    rule["state"] = state;
    return rule;
  }

  SystemClock clock_;
  EventLoop loop_;
  ProvisioningLimits limits_{.rules = 8};
  std::string directory_;
  std::unique_ptr<FakeUpf> upf_;
  std::unique_ptr<Platform> platform_;
};

TEST_F(PlatformTest, a_rule_takes_effect_when_its_app_is_ready_and_follows_the_switch) {
  start_upf();
  const auto app = provision("app-1");
  ASSERT_TRUE(in_step());
  EXPECT_TRUE(upf_->rules.empty());
  EXPECT_EQ(rule_status("app-1", "video")["state"], "HELD");
  EXPECT_THAT(std::string(rule_status("app-1", "video")["reason"]), HasSubstr("ready"));

  confirm_ready(app);
  ASSERT_TRUE(in_step());
  EXPECT_TRUE(upf_->rules.contains("app-1/video"));
  EXPECT_EQ(rule_status("app-1", "video")["state"], "HELD");  // nobody has reported it yet
  upf_->publish({upf_->generation(),
                 {{"app-1/video", mp2::SteeringState::kSteering, "", 1'767'225'600'123, 3, 300}},
                 {{"app-1/name", mp2::SteeringState::kSuspended, "10.9.0.2 is silent", 1, 0, 0}}});
  ASSERT_TRUE(serve_until([&] { return rule_status("app-1", "video")["state"] == "STEERING"; }));
  EXPECT_EQ(rule_status("app-1", "video"), (json{{"ruleId", "video"},
                                                 {"kind", "TRAFFIC"},
                                                 {"state", "STEERING"},
                                                 {"since", "2026-01-01T00:00:00.123Z"},
                                                 {"installedGeneration", upf_->generation()},
                                                 {"hits", 3},
                                                 {"bytes", 300}}));
  EXPECT_EQ(rule_status("app-1", "name")["state"], "SUSPENDED");
  EXPECT_EQ(rule_status("app-1", "name")["reason"], "10.9.0.2 is silent");

  EXPECT_EQ(send(app, {Method::kPut, kRulePath, switched(test_traffic_rule(), "INACTIVE")}).status,
            200);
  ASSERT_TRUE(in_step());
  EXPECT_TRUE(upf_->rules.empty());
  EXPECT_EQ(rule_status("app-1", "video")["state"], "INACTIVE");
}

TEST_F(PlatformTest, mp1_shows_the_rules_of_the_app) {
  const auto app = provision("app-1");
  auto reply = send(app, {Method::kGet, "/mec_app_support/v1/applications/app-1/traffic_rules"});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(json::parse(reply.body), json::array({test_traffic_rule()}));
  reply = send(app, {Method::kGet, "/mec_app_support/v1/applications/app-1/dns_rules/name"});
  EXPECT_EQ(json::parse(reply.body), test_dns_rule());
  reply = send(app, {Method::kGet, kRulePath});
  EXPECT_EQ(json::parse(reply.body), test_traffic_rule());
  const std::string etag(reply.headers.get("ETag").value());
  reply = send(app, {Method::kGet, kRulePath, nullptr, {{"If-None-Match", "\"0\", W/" + etag}}});
  EXPECT_EQ(reply.status, 304);
  EXPECT_EQ(reply.headers.get("ETag"), etag);
  EXPECT_EQ(reply.body, "");
}

TEST_F(PlatformTest, a_put_honours_if_match) {
  const auto app = provision("app-1");
  const auto first = send(app, {Method::kGet, kRulePath});
  const std::string etag(first.headers.get("ETag").value());
  const auto off = switched(test_traffic_rule(), "INACTIVE");
  const auto put = [&](const json& rule, const std::string& condition) {
    return send(app, {Method::kPut, kRulePath, rule, {{"If-Match", condition}}});
  };
  EXPECT_EQ(put(off, "\"999\"").status, 412);
  EXPECT_EQ(put(off, "W/" + etag).status, 412);  // a weak tag never matches strongly
  const auto changed = put(off, "\"1\\,2\", " + etag);
  EXPECT_EQ(changed.status, 200) << changed.body;
  const std::string second(changed.headers.get("ETag").value());
  EXPECT_NE(second, etag);
  EXPECT_EQ(put(test_traffic_rule(), etag).status, 412);
  const auto repeated = put(off, second);
  EXPECT_EQ(repeated.headers.get("ETag"), second);  // nothing changed
  EXPECT_EQ(put(test_traffic_rule(), "*").status, 200);
}

TEST_F(PlatformTest, refuses_what_an_app_may_not_do) {
  const auto app = provision("app-1");
  provision("app-2");
  auto wider = test_traffic_rule();
  wider["trafficFilter"][0]["dstAddress"] = {"0.0.0.0/0"};
  auto stronger = test_traffic_rule();
  stronger["priority"] = 255;
  auto array_form = switched(test_traffic_rule(), "INACTIVE");
  array_form["dstInterface"] = json::array({array_form["dstInterface"]});
  const std::string base = "/mec_app_support/v1/applications/";
  struct Case {
    Sent sent;
    int status;
    const char* detail;
  };
  for (const auto& c : std::vector<Case>{
           {{Method::kPut, kRulePath, wider}, 403, "trafficFilter: differs"},
           {{Method::kPut, kRulePath, stronger}, 403, "priority: differs"},
           {{Method::kPut, kRulePath, array_form}, 200, ""},
           {{Method::kPut, kRulePath, test_traffic_rule("other")},
            400,
            "trafficRuleId: 'other' is not the id in the path"},
           {{Method::kPut, base + "app-1/traffic_rules/none", test_traffic_rule("none")},
            404,
            "no traffic rule 'none'"},
           {{Method::kGet, base + "app-1/dns_rules/none"}, 404, "no DNS rule 'none'"},
           {{Method::kGet, base + "app-2/traffic_rules"}, 403, "another app instance"},
           {{Method::kGet, base + "unknown/traffic_rules"}, 403, "another app instance"},
           {{Method::kPut, base + "app-2/traffic_rules/video", test_traffic_rule()},
            403,
            "another app instance"},
           {{Method::kPost, base + "app-2/confirm_ready", {{"indication", "READY"}}},
            403,
            "another app instance"},
           {{Method::kPost, base + "app-1/confirm_ready", {{"indication", "NO"}}},
            400,
            "indication"},
           {{Method::kGet, "/mm5/v1/app_instances"}, 403, ""},
           {{Method::kPut, "/mm5/v1/app_instances/mine", app_input()}, 403, ""},
       }) {
    const auto reply = send(app, c.sent);
    EXPECT_EQ(reply.status, c.status) << c.sent.target << reply.body;
    EXPECT_THAT(reply.body, HasSubstr(c.detail)) << c.sent.target;
  }
  EXPECT_EQ(send("", {Method::kGet, kRulePath}).status, 401);
  EXPECT_EQ(send(operator_token(), {Method::kGet, kRulePath}).status, 403);
}

TEST_F(PlatformTest, provisioning_names_what_is_wrong) {
  const auto token = operator_token();
  auto twice = app_input();
  twice["trafficRules"].push_back(test_traffic_rule());
  auto misspelt = app_input();
  misspelt["trafficRules"][0]["trafficFilter"][0]["dstPorts"] = {"80"};
  auto urgent = app_input();
  urgent["trafficRules"][0]["priority"] = 256;
  auto explosive = app_input();
  auto& filter = explosive["trafficRules"][0]["trafficFilter"][0];
  for (int i = 0; i < 60; ++i) {
    filter["srcAddress"].push_back(fmt::format("10.{}.0.1-10.{}.255.254", i, i));
    filter["dstAddress"].push_back(fmt::format("11.{}.0.1-11.{}.255.254", i, i));
  }
  auto many = app_input();
  for (int i = 0; i < 10; ++i) many["dnsRules"].push_back(test_dns_rule(std::to_string(i)));
  auto other_id = app_input();
  other_id["appInstanceId"] = "x";
  struct Case {
    const char* id;
    json body;
    int status;
    const char* detail;
  };
  for (const auto& c :
       std::vector<Case>{{"a", twice, 400, "trafficRules[1].trafficRuleId: 'video' appears twice"},
                         {"a", misspelt, 400, "dstPorts"},
                         {"a", urgent, 400, "trafficRules[0].priority: must be at most 255"},
                         {"a", explosive, 422, "trafficRules[0].trafficFilter: rule video needs"},
                         {"a", many, 403, "8 rules at most"},
                         {"a", other_id, 400, "appInstanceId: is not the id in the path"},
                         {"a%20b", app_input(), 400, "appInstanceId: must be 1 to 128"},
                         {"a", json::object(), 400, "appName"}}) {
    const auto reply =
        send(token, {Method::kPut, std::string("/mm5/v1/app_instances/") + c.id, c.body});
    EXPECT_EQ(reply.status, c.status) << reply.body;
    EXPECT_THAT(reply.body, HasSubstr(c.detail));
  }
  const auto state = platform_->store().snapshot();
  EXPECT_TRUE(state.apps().empty());
}

TEST_F(PlatformTest, takes_no_more_rules_than_the_user_plane_holds) {
  const auto token = operator_token();
  const auto put = [&] {
    return send(token, {Method::kPut, "/mm5/v1/app_instances/a", app_input()});
  };
  for (const auto& [traffic, dns, status] :
       {std::tuple{0U, 1U, 201}, {1U, 0U, 403}, {1U, 1U, 403}, {2U, 1U, 200}, {2U, 2U, 200}}) {
    upf_.reset();
    ASSERT_TRUE(serve_until([&] { return !platform_->rule_status().link().connected; }));
    start_upf();
    upf_->features = {{}, {}, traffic, dns};
    ASSERT_TRUE(serve_until([&] { return platform_->rule_status().link().connected; }));
    const auto reply = put();
    EXPECT_EQ(reply.status, status) << traffic << dns << reply.body;
    EXPECT_EQ(reply.body.find("user plane holds") != std::string::npos, status == 403);
  }
}

TEST_F(PlatformTest, bounds_what_the_rules_of_the_site_cost) {
  auto explosive = app_input();
  explosive["trafficRules"][0]["state"] = "INACTIVE";  // counts all the same
  auto& filter = explosive["trafficRules"][0]["trafficFilter"][0];
  filter["srcAddress"] = {"10.0.0.1-10.0.0.254"};
  for (const auto& [limits, detail] :
       {std::pair{ProvisioningLimits{.mp2_bytes = 1000}, "bytes on Mp2"},
        std::pair{ProvisioningLimits{.boxes = 40}, "match conditions"}}) {
    limits_ = limits;
    start();
    const auto token = operator_token();
    const auto put = [&](const char* id) {
      return send(token, {Method::kPut, std::string("/mm5/v1/app_instances/") + id, explosive});
    };
    const auto state = platform_->store().snapshot();
    EXPECT_EQ(put("a").status, state.find_app("a") != nullptr ? 200 : 201);
    EXPECT_EQ(put("a").status, 200);  // replaces what it has had
    const auto second = put("b");
    EXPECT_EQ(second.status, 403) << second.body;
    EXPECT_THAT(second.body, HasSubstr(detail));
  }
}

TEST_F(PlatformTest, a_put_honours_if_none_match) {
  const auto app = provision("app-1");
  const auto token = operator_token();
  const std::string instance = "/mm5/v1/app_instances/app-1";
  const auto tag_of = [&](const std::string& who, const std::string& target) {
    return std::string(send(who, {Method::kGet, target}).headers.get("ETag").value());
  };
  struct Case {
    std::string who;
    std::string target;
    json body;
    std::string condition;
    int status;
  };
  const auto rule = test_traffic_rule();
  for (const auto& c :
       std::vector<Case>{{token, instance, app_input(), "*", 412},
                         {token, instance, app_input(), tag_of(token, instance), 412},
                         {token, instance, app_input(), "\"0\"", 200},
                         {token, "/mm5/v1/app_instances/new", app_input(), "*", 201},
                         {app, kRulePath, rule, "*", 412},
                         {app, kRulePath, rule, "W/" + tag_of(app, kRulePath), 412},
                         {app, kRulePath, rule, "\"0\"", 200}}) {
    const auto reply =
        send(c.who, {Method::kPut, c.target, c.body, {{"If-None-Match", c.condition}}});
    EXPECT_EQ(reply.status, c.status) << c.target << c.condition << reply.body;
  }
}

TEST_F(PlatformTest, provisioning_again_replaces_what_is_declared_and_keeps_the_rest) {
  const auto app = provision("app-1");
  confirm_ready(app);
  EXPECT_EQ(send(app, {Method::kPut, kRulePath, switched(test_traffic_rule(), "INACTIVE")}).status,
            200);
  const auto token = operator_token();
  auto input = app_input();
  input["dnsRules"] = json::array({test_dns_rule("other")});
  const auto reply = send(token, {Method::kPut, "/mm5/v1/app_instances/app-1", input});
  EXPECT_EQ(reply.status, 200) << reply.body;
  const auto body = json::parse(reply.body);
  EXPECT_EQ(body["state"], "READY");
  EXPECT_FALSE(body.contains("credentials"));
  EXPECT_EQ(body["trafficRules"][0]["state"], "INACTIVE");  // as the app left it
  EXPECT_EQ(body["dnsRules"][0]["dnsRuleId"], "other");

  const std::string etag(reply.headers.get("ETag").value());
  const auto same = send(token, {Method::kPut, "/mm5/v1/app_instances/app-1", input});
  EXPECT_EQ(same.headers.get("ETag"), etag);
  EXPECT_EQ(send(token,
                 {Method::kDelete, "/mm5/v1/app_instances/app-1", nullptr, {{"If-Match", "\"0\""}}})
                .status,
            412);
  EXPECT_EQ(
      send(token, {Method::kPut, "/mm5/v1/app_instances/new", input, {{"If-Match", "*"}}}).status,
      412);

  // New credentials end the old ones.
  EXPECT_EQ(send(app, {Method::kGet, kRulePath}).status, 200);
  const auto renewed =
      send(token, {Method::kPut, "/mm5/v1/app_instances/app-1?new_credentials=true", input});
  EXPECT_TRUE(json::parse(renewed.body).contains("credentials"));
  EXPECT_EQ(send(app, {Method::kGet, kRulePath}).status, 401);
}

TEST_F(PlatformTest, withdrawing_an_app_ends_its_rules_and_its_tokens) {
  start_upf();
  const auto app = provision("app-1");
  confirm_ready(app);
  ASSERT_TRUE(in_step());
  EXPECT_EQ(upf_->rules.size(), 1U);
  const auto token = operator_token();
  EXPECT_EQ(send(token, {Method::kDelete, "/mm5/v1/app_instances/app-1"}).status, 204);
  ASSERT_TRUE(in_step());
  EXPECT_TRUE(upf_->rules.empty());
  EXPECT_TRUE(upf_->dns.empty());
  EXPECT_EQ(send(app, {Method::kGet, kRulePath}).status, 401);
  EXPECT_EQ(send(token, {Method::kGet, "/mm5/v1/app_instances/app-1"}).status, 404);
  EXPECT_EQ(send(token, {Method::kDelete, "/mm5/v1/app_instances/app-1"}).status, 404);
}

TEST_F(PlatformTest, a_hidden_rule_names_what_hides_it) {
  start_upf();
  auto strong = app_input();
  strong["trafficRules"][0]["priority"] = 200;
  confirm_ready(provision("app-1"));
  confirm_ready(provision("app-2", strong), "app-2");
  ASSERT_TRUE(in_step());
  upf_->publish({upf_->generation(),
                 {{"app-1/video", mp2::SteeringState::kSteering, "", 1, 0, 0},
                  {"app-2/video", mp2::SteeringState::kSteering, "", 1, 0, 0}},
                 {}});
  ASSERT_TRUE(serve_until([&] { return rule_status("app-2", "video")["state"] == "STEERING"; }));
  const auto status = rule_status("app-1", "video");
  EXPECT_EQ(status["state"], "HIDDEN");
  EXPECT_EQ(status["hiddenBy"], json::parse(R"([{"appInstanceId":"app-2","ruleId":"video"}])"));
}

TEST_F(PlatformTest, a_restart_of_the_platform_keeps_tokens_rules_and_operator) {
  start_upf();
  const auto app = provision("app-1");
  confirm_ready(app);
  ASSERT_TRUE(in_step());
  const auto operator_before = operator_token();
  start();
  ASSERT_TRUE(serve_until([&] { return platform_->rule_status().link().connected; }));
  EXPECT_EQ(send(app, {Method::kGet, kRulePath}).status, 200);
  EXPECT_EQ(send(operator_before, {Method::kGet, "/mm5/v1/app_instances"}).status, 200);
  ASSERT_TRUE(in_step());
  EXPECT_EQ(upf_->replaces, 2);  // numbers of another run prove nothing
  EXPECT_TRUE(upf_->rules.contains("app-1/video"));
}

TEST_F(PlatformTest, operator_credentials_are_private_and_replaceable) {
  const auto path = directory_ + "/state/operator.json";
  struct stat info{};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  ASSERT_EQ(stat((directory_ + "/state/mep.db").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  const auto before = operator_token();
  platform_.reset();
  std::filesystem::permissions(path, std::filesystem::perms(0640));
  const auto refused = Platform::start(loop_, clock_, {directory_ + "/state", {}, {}, {}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().to_string(), HasSubstr("chmod 600"));
  std::filesystem::remove(path);
  start();
  EXPECT_EQ(send(before, {Method::kGet, "/mm5/v1/platform"}).status, 401);
  EXPECT_EQ(send(operator_token(), {Method::kGet, "/mm5/v1/platform"}).status, 200);
  // A store that was lost adopts the file.
  platform_.reset();
  std::filesystem::remove(directory_ + "/state/mep.db");
  start();
  EXPECT_EQ(send(operator_token(), {Method::kGet, "/mm5/v1/platform"}).status, 200);
}

TEST_F(PlatformTest, tells_about_itself_and_the_user_plane) {
  const auto token = operator_token();
  const auto platform = [&] {
    return json::parse(send(token, {Method::kGet, "/mm5/v1/platform"}).body);
  };
  EXPECT_EQ(platform()["upf"]["connected"], false);
  start_upf();
  ASSERT_TRUE(serve_until([&] { return platform()["upf"]["connected"] == true; }));
  ASSERT_TRUE(in_step());
  EXPECT_EQ(platform()["upf"]["instanceId"], "upf-1");
  EXPECT_EQ(platform()["upf"]["installedGeneration"], platform()["upf"]["desiredGeneration"]);
  EXPECT_FALSE(platform()["upf"].contains("refusal"));
  upf_->refuse_next = mp2::Refused{0, mp2::RefusalCode::kLimit, "too many"};
  confirm_ready(provision("app-1"));
  ASSERT_TRUE(serve_until([&] { return platform()["upf"].contains("refusal"); }));
  EXPECT_EQ(platform()["upf"]["refusal"], "too many");
  EXPECT_EQ(send("", {Method::kGet, "/healthz"}).status, 200);
}

}  // namespace
}  // namespace sluice::mep
