// The driver against a real podman: containers that run, are found again, and leave nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/run_program.h"
#include "mepm/vim/testing/podman_service.h"

namespace sluice::mepm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kKey(64, 'a');
constexpr const char* kSecret = "not-for-everybody";

class PodmanTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!PodmanService::missing().empty()) return;
    service_ = std::make_unique<PodmanService>();
  }
  static void TearDownTestSuite() { service_.reset(); }

  void SetUp() override {
    if (!service_) GTEST_SKIP() << PodmanService::missing();
    podman_ = std::make_unique<Podman>(service_->options());
    const auto there = podman_->has_image(kKey);
    ASSERT_TRUE(there) << there.error().message;
    if (!*there) {
      const auto loaded = podman_->load_image(
          kKey, service_->image_archive(SLUICE_TEST_APP, "other.example/app:1"));
      ASSERT_TRUE(loaded) << loaded.error().message;
    }
  }
  void TearDown() override {
    if (!service_) return;
    const auto left = podman_->list();
    ASSERT_TRUE(left) << left.error().message;
    for (const auto& id : *left) EXPECT_TRUE(podman_->remove(id));
  }

  static WorkloadSpec spec(const std::string& id, const std::string& address = "10.99.0.20") {
    return {.id = id,
            .address = *IpAddress::parse(address),
            .containers = {{.name = "main",
                            .image = kKey,
                            .cpu_millis = 200,
                            .memory_bytes = 64 << 20,
                            .environment = {{"APP_INSTANCE_ID", id}}}},
            .secret_variable = "MEC_CLIENT_SECRET"};
  }
  void run(const WorkloadSpec& workload) {
    ASSERT_TRUE(podman_->put_secret(workload.id, kSecret));
    ok(podman_->create(workload));
    ok(podman_->start(workload));
    wait_until([&] { return probe(workload.id, "/"); });
  }
  static void ok(const Result<void>& done) { ASSERT_TRUE(done) << done.error().message; }
  bool probe(const std::string& id, const std::string& path) {
    return podman_->probe(id, "main", {.command = {}, .http_port = 8080, .http_path = path})
        .has_value();
  }
  template <typename Condition>
  static void wait_until(Condition condition) {
    for (int i = 0; i < 500; ++i) {
      if (condition()) return;
      std::this_thread::sleep_for(milliseconds(20));
    }
    FAIL() << "it never happened";
  }
  RunState state(const WorkloadSpec& workload) { return podman_->status(workload)->state; }
  // What the app answers to somebody on the local DN.
  static std::string ask(const std::string& path) {
    auto http = client::HttpClient::open({.uri = "http://10.99.0.20:8080", .plain_http = true});
    const auto reply = http->send({.target = path});
    return reply ? reply->body : "";
  }

  static std::unique_ptr<PodmanService> service_;
  std::unique_ptr<Podman> podman_;
};
std::unique_ptr<PodmanService> PodmanTest::service_;

TEST_F(PodmanTest, an_app_runs_with_its_address_its_environment_and_its_secret) {
  const auto workload = spec("one");
  EXPECT_EQ(state(workload), RunState::kAbsent);
  run(workload);
  EXPECT_EQ(state(workload), RunState::kRunning);
  EXPECT_EQ(podman_->status(workload)->fingerprint, workload.fingerprint());
  const auto environment = ask("/env");
  EXPECT_THAT(environment, HasSubstr("APP_INSTANCE_ID=one\n"));
  EXPECT_THAT(environment, HasSubstr(std::string("MEC_CLIENT_SECRET=") + kSecret + "\n"));
  wait_until([&] { return podman_->logs("one", "main", 10) == "serving\n"; });
  const auto labels = run_program({"podman", "inspect", "--format", "{{.Config.Labels}}",
                                   "sluice-" + service_->options().owner + "-one.main"});
  ASSERT_TRUE(labels);
  EXPECT_THAT(*labels, Not(HasSubstr(kSecret)));
}

TEST_F(PodmanTest, what_is_done_twice_is_done_once) {
  const auto workload = spec("twice");
  run(workload);
  ok(podman_->create(workload));
  ok(podman_->start(workload));
  EXPECT_THAT(*podman_->list(), ElementsAre("twice"));
  ok(podman_->stop(workload, seconds(5)));
  ok(podman_->stop(workload, seconds(5)));
  EXPECT_EQ(state(workload), RunState::kStopped);
  EXPECT_THAT(podman_->status(workload)->reason, HasSubstr("main is exited (0)"));
  ok(podman_->start(workload));
  wait_until([&] { return probe("twice", "/"); });
  ok(podman_->remove("twice"));
  ok(podman_->remove("twice"));
  EXPECT_THAT(*podman_->list(), IsEmpty());
  EXPECT_EQ(state(workload), RunState::kAbsent);
}

TEST_F(PodmanTest, another_spec_makes_another_workload) {
  run(spec("changed"));
  auto workload = spec("changed");
  workload.containers[0].environment["COLOUR"] = "blue";
  ok(podman_->create(workload));
  EXPECT_EQ(state(workload), RunState::kStopped);
  ok(podman_->start(workload));
  wait_until([&] { return probe("changed", "/"); });
  EXPECT_THAT(ask("/env"), HasSubstr("COLOUR=blue"));
}

TEST_F(PodmanTest, limits_hold) {
  const auto workload = spec("limits");
  run(workload);
  const auto forks = std::stoi("0" + ask("/forks"));
  EXPECT_GT(forks, 5);
  EXPECT_LT(forks, 16);
  EXPECT_EQ(ask("/eat"), "");
  wait_until([&] { return podman_->status(workload)->reason == "container main is exited (137)"; });
}

TEST_F(PodmanTest, probes_tell_who_is_well) {
  const auto workload = spec("probes");
  run(workload);
  const struct {
    const char* what;
    Probe probe;
    bool well;
    const char* why;
  } cases[] = {
      {"a page", {.command = {}, .http_port = 8080, .http_path = "/"}, true, ""},
      {"no page", {.command = {}, .http_port = 8080, .http_path = "/missing"}, false, "404"},
      {"no server", {.command = {}, .http_port = 81, .http_path = "/"}, false, "connect"},
      {"a command", {.command = {"/app", "check", "0"}, .http_path = ""}, true, ""},
      {"a failing command", {.command = {"/app", "check", "7"}, .http_path = ""}, false, "with 7"},
      {"no such command", {.command = {"/none"}, .http_path = ""}, false, ""},
  };
  for (const auto& c : cases) {
    const auto done = podman_->probe("probes", "main", c.probe);
    EXPECT_EQ(done.has_value(), c.well) << c.what;
    EXPECT_THAT(done ? "" : done.error().message, HasSubstr(c.why)) << c.what;
  }
}

TEST_F(PodmanTest, probes_by_commands_leave_no_processes) {
  const auto workload = spec("clean");
  run(workload);
  const auto monitors = [&] {
    const auto all = run_program(
        {"sh", "-c", "ps ax -o args | grep '[c]onmon.*" + service_->path("") + "' | wc -l"});
    return all ? std::stoi(*all) : -1;
  };
  wait_until([&] { return monitors() == 1; });  // those of other tests
  for (int i = 0; i < 5; ++i) {
    ok(podman_->probe("clean", "main", {.command = {"/app", "check", "0"}, .http_path = ""}));
  }
  wait_until([&] { return monitors() == 1; });
}

TEST_F(PodmanTest, a_crash_leaves_nothing_that_is_not_found) {
  const auto half = spec("half");
  ASSERT_TRUE(podman_->put_secret("secret-only", "x"));
  ok(AppNetwork(service_->options().owner, service_->options().network)
         .ensure("network-only", *IpAddress::parse("10.99.0.30")));
  ASSERT_TRUE(podman_->put_secret("half", "x"));
  ok(podman_->create(half));
  EXPECT_THAT(*podman_->list(), ElementsAre("half", "network-only", "secret-only"));
  // A host that was started anew has the containers and not their networks.
  ASSERT_TRUE(run_program({"ip", "netns", "del", "sluice-" + service_->options().owner + "-half"}));
  ok(podman_->start(half));
  wait_until([&] { return ask("/") == "well"; });
  for (const auto* id : {"half", "network-only", "secret-only"}) ok(podman_->remove(id));
  EXPECT_THAT(*podman_->list(), IsEmpty());
}

TEST_F(PodmanTest, an_image_has_the_name_of_its_key_alone) {
  EXPECT_THAT(*podman_->images(), ElementsAre(kKey));
  const auto names = run_program({"podman", "images", "--format", "{{.Repository}}"});
  ASSERT_TRUE(names);
  EXPECT_THAT(*names, Not(HasSubstr("other.example")));
  const std::string again(64, 'b');
  ok(podman_->load_image(again, service_->image_archive(SLUICE_TEST_APP, "")));
  EXPECT_THAT(*podman_->images(), testing::UnorderedElementsAre(kKey, again));
  ok(podman_->remove_image(again));
  ok(podman_->remove_image(again));
  EXPECT_THAT(*podman_->images(), ElementsAre(kKey));
  EXPECT_FALSE(podman_->load_image(again, service_->path("log")));
}

TEST_F(PodmanTest, an_image_cannot_take_the_name_of_another) {
  const auto id = [] { return run_program({"podman", "images", "--quiet", "--no-trunc"}); };
  const auto before = id();
  const auto name = "localhost/sluice-" + service_->options().owner + ":" + kKey;
  const auto done =
      podman_->load_image(std::string(64, 'b'), service_->image_archive("/proc/self/exe", name));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(before.value_or("?"), id().value_or("??"));
}

TEST_F(PodmanTest, an_app_that_lost_its_network_is_noticed_and_started_in_a_new_one) {
  const auto workload = spec("lonely");
  const AppNetwork network(service_->options().owner, service_->options().network);
  const auto space = network.name("lonely");
  run(workload);
  const auto port = run_program({"sh", "-c", "ip -o link show master ldn | cut -d: -f2"});
  ASSERT_TRUE(port);
  const auto name = port->substr(1, port->find('@') - 1);
  for (const auto& loss : std::vector<std::vector<std::string>>{
           {"ip", "netns", "del", space}, {"ip", "link", "set", name, "nomaster"}}) {
    EXPECT_EQ(state(workload), RunState::kRunning);
    ASSERT_TRUE(run_program(loss)) << loss[1];
    EXPECT_EQ(podman_->status(workload)->reason, "its network is gone");
    ok(podman_->create(workload));
    ok(podman_->start(workload));
    wait_until([&] { return ask("/") == "well"; });
  }
}

TEST_F(PodmanTest, a_podman_that_is_away_may_come_back) {
  auto options = service_->options();
  options.socket = service_->path("none.sock");
  Podman away(options);
  const auto found = away.list();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kUnavailable);
  auto lost = service_->options();
  lost.network.bridge = "none";
  Podman without_bridge(lost);
  const auto made = without_bridge.create(spec("nobridge"));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kUnavailable);
}

TEST(PodmanFrames, text_is_what_the_headers_say) {
  using namespace std::string_literals;
  EXPECT_EQ(text_of_frames("\1\0\0\0\0\0\0\3abc\2\0\0\0\0\0\0\1d"s), "abcd");
  EXPECT_EQ(text_of_frames("\1\0\0\0\0\0\0\x09only"s), "only");
  EXPECT_EQ(text_of_frames("\1\0\0\0\xff\xff\xff\xffx"s), "x");
  EXPECT_EQ(text_of_frames("\1\0\0"s), "");
}

}  // namespace
}  // namespace sluice::mepm
