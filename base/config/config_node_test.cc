#include "base/config/config_node.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

struct Case {
  const char* name;
  const char* yaml;
  const char* expected;  // the whole error; empty: accepted
};

// A reader of a small imaginary program.
Result<void> read(const std::string& yaml) {
  return read_config("t.yaml", yaml, [](ConfigNode root) {
    root.text("name", "x");
    root.integer("workers", 1, 1, 8);
    root.flag("fast", false);
    root.choice("mode", "upf", {"upf", "inline"});
    root.parsed("address", &IpAddress::parse);
    root.each("ports", [](ConfigNode port) {
      port.required_text("device");
      port.parsed_list("prefixes", &IpPrefix::parse);
    });
    auto limits = root.child("limits");
    limits.integer("sessions", 10, 1, 100);
  });
}

class ConfigNodeTest : public testing::TestWithParam<Case> {};

TEST_P(ConfigNodeTest, names_key_line_and_column) {
  const auto result = read(GetParam().yaml);
  EXPECT_EQ(result ? "" : result.error().message, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ConfigNodeTest,
    testing::ValuesIn(std::vector<Case>{
        {"empty", "", ""},
        {"all_good",
         "name: a\nworkers: 2\nfast: true\nmode: inline\naddress: 10.0.0.1\n"
         "ports:\n  - {device: d, prefixes: [10.0.0.0/8, '2001:db8::/32']}\nlimits: {sessions: "
         "5}\n",
         ""},
        {"unknown_key", "name: a\nnmae: b\n",
         "t.yaml:2:1: unknown key 'nmae'; known here: address, fast, limits, mode, name, ports, "
         "workers"},
        {"unknown_nested", "limits:\n  session: 5\n",
         "t.yaml:2:3: unknown key 'limits.session'; known here: sessions"},
        {"ill_typed_number", "workers: two\n",
         "t.yaml:1:10: workers: expected a whole number, got 'two'"},
        {"out_of_range", "workers: 9\n", "t.yaml:1:10: workers: 9 is outside 1..8"},
        {"not_a_flag", "fast: yes\n", "t.yaml:1:7: fast: expected true or false, got 'yes'"},
        {"not_a_choice", "mode: bridge\n", "t.yaml:1:7: mode: 'bridge' is not one of upf, inline"},
        {"bad_address", "address: 10.0.0\n", "t.yaml:1:10: address: '10.0.0' is not an IP address"},
        {"list_instead_of_value", "name: [a]\n", "t.yaml:1:7: name: expected a single value"},
        {"value_instead_of_list", "ports: 5\n", "t.yaml:1:8: ports: expected a list"},
        {"missing_in_list", "ports:\n  - prefixes: []\n",
         "t.yaml:2:5: ports[0].device: is required"},
        {"bad_prefix_in_list", "ports:\n  - device: d\n    prefixes: [10.0.0.0/33]\n",
         "t.yaml:3:15: ports[0].prefixes: prefix length 33 exceeds 32"},
        {"duplicate", "name: a\nname: b\n", "t.yaml:2:1: key 'name' is given twice"},
        {"several_at_once", "workers: 0\nfast: 1\n",
         "t.yaml:1:10: workers: 0 is outside 1..8\n"
         "t.yaml:2:7: fast: expected true or false, got '1'"},
        {"not_a_mapping", "- a\n", "t.yaml:1:1: expected a mapping at the top"},
        {"syntax", "name: [a\n", "t.yaml:2:1: end of sequence flow not found"},
    }),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace sluice
