#include "upf-dataplane/control/config.h"

#include <gtest/gtest.h>

namespace sluice::upf {
namespace {

constexpr auto kGood = R"(
instance: edge-1
ports:
  - {name: n3, role: n3, device: net_null0, addresses: [192.168.3.1/24]}
  - {name: n6, role: n6, device: net_null1, addresses: [192.168.6.1/24], gateways: [192.168.6.2]}
pfcp: {address: 10.0.4.1}
)";

TEST(UpfConfig, has_defaults_for_everything_optional) {
  const auto config = UpfConfig::parse("upf.yaml", kGood);
  ASSERT_TRUE(config) << config.error().to_string();
  EXPECT_EQ(config->workers, 1U);
  EXPECT_EQ(config->pfcp_port, 8805);
  EXPECT_EQ(config->ports[1].gateway_v4->to_string(), "192.168.6.2");
  EXPECT_TRUE(config->huge_pages);
}

struct Case {
  const char* name;
  const char* replace;
  const char* by;
  const char* error;  // one line of the report
};

class BadUpfConfig : public ::testing::TestWithParam<Case> {};

TEST_P(BadUpfConfig, names_the_key_and_its_place) {
  std::string text = kGood;
  const auto at = text.find(GetParam().replace);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, std::string(GetParam().replace).size(), GetParam().by);
  const auto config = UpfConfig::parse("upf.yaml", text);
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().message.find(GetParam().error), std::string::npos)
      << config.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadUpfConfig,
    ::testing::ValuesIn(std::vector<Case>{
        {"no_instance", "instance: edge-1", "", "instance: is required"},
        {"unknown_key", "instance: edge-1", "instance: edge-1\ncolour: red",
         "upf.yaml:3:1: unknown key 'colour'"},
        {"unknown_mode", "instance: edge-1", "instance: edge-1\nmode: bridge",
         "mode: 'bridge' is not one of upf, inline"},
        {"no_n6", "role: n6", "role: local-dn", "upf.yaml:4:3: ports: no port has the role n6"},
        {"unknown_role", "role: n6", "role: n7",
         "upf.yaml:5:22: ports[1].role: 'n7' is not one of n3, n9, n6, local-dn"},
        {"no_role", "role: n6, ", "", "ports[1].role: '' is not one of n3, n9, n6, local-dn"},
        {"same_name", "name: n6", "name: n3", "ports[1].name: is used twice"},
        {"gateway_elsewhere", "192.168.6.2", "192.168.7.2",
         "ports[1].gateways: 192.168.7.2 is in none of the networks of `addresses`"},
        {"two_gateways", "[192.168.6.2]", "[192.168.6.2, 192.168.6.3]",
         "ports[1].gateways: at most one of each family"},
        {"small_mtu", "name: n6,", "name: n6, mtu: 1279,",
         "ports[1].mtu: 1279 is outside 1280..9600"},
        {"no_addresses", ", addresses: [192.168.3.1/24]", "",
         "ports[0].addresses: at least one is needed"},
        {"no_pfcp_address", "{address: 10.0.4.1}", "{port: 8805}", "pfcp.address: is required"},
        {"cpus_for_fewer_workers", "instance: edge-1",
         "instance: e\nworkers: {count: 2, cpus: [1]}", "workers.cpus: names 1 CPUs for 2 workers"},
        {"cpu_not_a_number", "instance: edge-1", "instance: e\nworkers: {cpus: [x]}",
         "workers.cpus: 'x' is not a CPU number"},
        {"pool_of_no_address", "pfcp: {address: 10.0.4.1}",
         "pfcp: {address: 10.0.4.1}\nue_pools: [{name: a, v4: [10.46.0.0/31]}]",
         "ue_pools[0].v4: 10.46.0.0/31 is no IPv4 prefix of 8 to 30 bits"},
        {"same_pool_twice", "pfcp: {address: 10.0.4.1}",
         "pfcp: {address: 10.0.4.1}\nue_pools: [{name: a}, {name: a}]",
         "ue_pools[1].name: 'a' is empty or used twice"},
        {"zero_sessions", "instance: edge-1", "instance: e\nlimits: {sessions: 0}",
         "limits.sessions: 0 is outside 1..10000000"},
    }),
    [](const auto& test) { return std::string(test.param.name); });

constexpr auto kInline = R"(
instance: edge-1
mode: inline
ports:
  - {name: ran, role: n3-ran, device: net_null0, mtu: 1600}
  - {name: core, role: n3-core, device: net_null1, mtu: 1600}
  - {name: apps, role: local-dn, device: net_null2, addresses: [10.60.0.1/24]}
)";

TEST(InlineConfig, needs_neither_addresses_on_the_wire_nor_n4) {
  const auto config = UpfConfig::parse("upf.yaml", kInline);
  ASSERT_TRUE(config) << config.error().to_string();
  EXPECT_EQ(config->mode, UpfMode::kInline);
  EXPECT_EQ(config->ports[0].role, PortRole::kN3Ran);
  EXPECT_EQ(config->ports[1].role, PortRole::kN3Core);
  EXPECT_EQ(config->learned_idle, std::chrono::seconds(10));
}

TEST(InlineConfig, refuses_what_has_no_meaning_there) {
  const std::vector<Case> cases = {
      {"n4", "mode: inline", "mode: inline\npfcp: {address: 10.0.4.1}", "unknown key 'pfcp'"},
      {"an address on the wire", "role: n3-ran,", "role: n3-ran, addresses: [10.0.0.1/24],",
       "unknown key 'ports[0].addresses'"},
      {"a wire with one end", "role: n3-core", "role: local-dn, addresses: [10.61.0.1/24]",
       "ports: no port has the role n3-core"},
      {"a wire with three ends", "role: local-dn, device: net_null2, addresses: [10.60.0.1/24]",
       "role: n3-core, device: net_null2", "ports: 2 ports have the role n3-core"},
      {"a port of the other mode", "role: n3-core", "role: n6",
       "'n6' is not one of n3-ran, n3-core, local-dn"},
      {"no idle time", "mode: inline", "mode: inline\ninline: {idle_s: 0}",
       "inline.idle_s: 0 is outside 1..3600"},
  };
  for (const Case& bad : cases) {
    std::string text = kInline;
    text.replace(text.find(bad.replace), std::string(bad.replace).size(), bad.by);
    const auto config = UpfConfig::parse("upf.yaml", text);
    ASSERT_FALSE(config) << bad.name;
    EXPECT_NE(config.error().message.find(bad.error), std::string::npos)
        << bad.name << ": " << config.error().message;
  }
}

}  // namespace
}  // namespace sluice::upf
