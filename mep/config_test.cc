#include "mep/config.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace sluice::mep {
namespace {

using testing::HasSubstr;

Result<MepConfig> read(const std::string& text) {
  auto path = (std::filesystem::temp_directory_path() / "mep-config-XXXXXX").string();
  close(mkstemp(path.data()));
  std::ofstream(path) << text;
  auto config = read_mep_config(path);
  std::filesystem::remove(path);
  return config;
}

TEST(MepConfig, has_defaults_for_all_but_the_state_and_the_socket) {
  const auto config = read("state: /s\nmp2: {socket: /m}\n");
  ASSERT_TRUE(config) << config.error().to_string();
  EXPECT_EQ(config->http.address.to_string(), "127.0.0.1");
  EXPECT_EQ(config->http.port, 8080);
  EXPECT_EQ(config->metrics_port, 9101);
  EXPECT_EQ(config->steering.default_ttl_s, 60U);
  EXPECT_EQ(config->tokens.lifetime, std::chrono::seconds(600));
  EXPECT_EQ(config->limits.rules, 10'000U);  // as many as sluice-upf takes by default
  EXPECT_EQ(config->log_level, "info");
  EXPECT_TRUE(config->dns.listen.empty());
  EXPECT_TRUE(config->dns.forwarder.upstreams.empty());
  EXPECT_FALSE(config->dns.resolver.subnets.enabled());
}

TEST(MepConfig, reads_the_dns_server) {
  const std::string head = "state: /s\nmp2: {socket: /m}\n";
  const auto config =
      read(head +
           "dns: {listen: [10.9.0.1, '[fd00::1]:5353'], upstreams: ['9.9.9.9:54'],\n"
           "  allow: [10.9.0.0/16], ecs: {ipv4_prefix: 24}}\n");
  ASSERT_TRUE(config) << config.error().to_string();
  EXPECT_EQ(config->dns.listen[1].to_string(), "[fd00::1]:5353");
  EXPECT_THAT(config->notifications.callbacks.own_ports, testing::IsSupersetOf({53, 5353}));
  EXPECT_EQ(config->dns.forwarder.upstreams[0].to_string(), "9.9.9.9:54");
  EXPECT_EQ(config->dns.resolver.allow.size(), 1U);
  EXPECT_EQ(config->dns.resolver.subnets.ipv4_bits, 24U);
  const auto wrong = read(head +
                          "dns: {listen: [10.9.0.1], upstreams: [10.9.0.1, nowhere],\n"
                          "  ecs: {ipv4_prefix: 33, site: [10.0.0.0/8, 11.0.0.0/8]}}\n");
  ASSERT_FALSE(wrong);
  const auto text = wrong.error().to_string();
  for (const auto* part : {"10.9.0.1:53 is this server itself", "nowhere", "ipv4_prefix", "site"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(MepConfig, reads_the_servers_of_time) {
  const auto config = read(
      "state: /s\nmp2: {socket: /m}\nauth: {key_max_age_days: 1}\ntiming:\n  max_error_ms: 5\n"
      "  ntp_servers: [{address: ntp.example, min_poll_log2: 4, authentication: symmetric_key,"
      " key_number: 3}]\n  ptp_masters: [{address: 192.0.2.1, delay_req_max_rate: 8}]\n");
  ASSERT_TRUE(config) << config.error().to_string();
  EXPECT_EQ(config->key_max_age, std::chrono::hours(24));
  EXPECT_EQ(config->timing.max_error, std::chrono::milliseconds(5));
  ASSERT_EQ(config->timing.ntp_servers.size(), 1U);
  EXPECT_EQ(config->timing.ntp_servers[0].address, "ntp.example");
  EXPECT_EQ(config->timing.ntp_servers[0].min_poll_log2, 4);
  EXPECT_EQ(config->timing.ntp_servers[0].key_number, 3U);
  ASSERT_EQ(config->timing.ptp_masters.size(), 1U);
  EXPECT_EQ(config->timing.ptp_masters[0].delay_req_max_rate, 8U);

  const auto wrong = read(
      "state: /s\nmp2: {socket: /m}\ntiming: {ntp_servers: [{address: '-', min_poll_log2: 9,"
      " max_poll_log2: 8}], ptp_masters: [{address: x}]}\n");
  ASSERT_FALSE(wrong);
  const auto text = wrong.error().to_string();
  EXPECT_THAT(text, HasSubstr("neither an address nor a name"));
  EXPECT_THAT(text, HasSubstr("is below min_poll_log2"));
  EXPECT_THAT(text, HasSubstr("'x'"));
}

TEST(MepConfig, names_what_is_wrong_with_its_place) {
  const auto config = read("state: /s\nhttp: {prot: 1, port: 70000}\ndns: {default_ttl_s: x}\n");
  ASSERT_FALSE(config);
  const auto text = config.error().to_string();
  EXPECT_THAT(text, HasSubstr("2:8"));  // prot
  EXPECT_THAT(text, HasSubstr("prot"));
  EXPECT_THAT(text, HasSubstr("port"));
  EXPECT_THAT(text, HasSubstr("default_ttl_s"));
  EXPECT_THAT(text, HasSubstr("socket"));
}

}  // namespace
}  // namespace sluice::mep
