// The documents are OpenAPI as our own router reads it. validate.py has them judged by the
// specification's schema.
#include "api-specs/documents.h"

#include <set>

#include "base/http/contract.h"

namespace sluice::api_specs {
namespace {

http::Contract load(const Document& document) {
  auto contract = http::Contract::load(std::string(document.name), document.yaml);
  if (!contract) throw std::runtime_error(contract.error().to_string());
  return std::move(*contract);
}

http::Contract contract(std::string_view name) {
  for (const auto& document : documents()) {
    if (document.name == name) return load(document);
  }
  throw std::runtime_error("no such document");
}

const http::Operation& operation(const http::Contract& contract, std::string_view id) {
  for (const auto& o : contract.operations()) {
    if (o.operation_id == id) return o;
  }
  throw std::runtime_error("no such operation");
}

TEST(Documents, EveryOneLoadsAndOperationIdsAreUniqueAmongAll) {
  std::set<std::string> ids;
  for (const auto& document : documents()) {
    const auto contract = load(document);
    for (const auto& o : contract.operations()) {
      if (!o.path.starts_with(contract.base_path() + "/"))
        continue;  // another server's name for it
      EXPECT_TRUE(ids.insert(o.operation_id).second) << o.operation_id;
    }
  }
}

TEST(Documents, EveryOperationButTheTokenEndpointNeedsTheScopeOfItsApi) {
  for (const auto& document : documents()) {
    const auto contract = load(document);
    for (const auto& o : contract.operations()) {
      const bool token = document.name == "token";
      // Mm5 and CAPIF have several documents.
      const std::string scope(document.name.starts_with("mm5")      ? "mm5"
                              : document.name.starts_with("capif_") ? "capif"
                                                                    : document.name);
      EXPECT_EQ(o.secured, !token) << o.operation_id;
      EXPECT_EQ(o.scopes, token ? std::vector<std::string>{} : std::vector<std::string>{scope});
    }
  }
}

nlohmann::json traffic_rule() {
  return {{"trafficRuleId", "video"},
          {"filterType", "FLOW"},
          {"priority", 10},
          {"trafficFilter", {{{"dstAddress", {"203.0.113.0/24"}}, {"dstPort", {"443"}}}}},
          {"action", "FORWARD_DECAPSULATED"},
          {"dstInterface", {{"interfaceType", "IP"}, {"dstIpAddress", "192.0.2.9"}}},
          {"state", "ACTIVE"}};
}

struct BodyCase {
  std::string behaviour;
  std::string pointer;   // where the rule is changed
  nlohmann::json value;  // discarded: the member is removed
  std::string error;     // empty: accepted
};

class TrafficRuleBody : public ::testing::TestWithParam<BodyCase> {};

TEST_P(TrafficRuleBody, IsJudged) {
  const auto& c = GetParam();
  auto rule = traffic_rule();
  const nlohmann::json::json_pointer at(c.pointer);
  if (c.value.is_discarded()) {
    rule.at(at.parent_pointer()).erase(at.back());
  } else if (!c.pointer.empty()) {
    rule[at] = c.value;
  }
  const auto document = contract("mec_app_support");
  http::Request request;
  request.body = rule.dump();
  const auto verdict =
      http::check_json_body(*operation(document, "putTrafficRule").body, request, {});
  EXPECT_EQ(verdict ? "" : verdict.error().to_string(), c.error);
}

const nlohmann::json kGone(nlohmann::json::value_t::discarded);
const nlohmann::json kInterface = {{"interfaceType", "MAC"},
                                   {"dstMacAddress", "02-00-00-00-00-01"}};

INSTANTIATE_TEST_SUITE_P(
    Cases, TrafficRuleBody,
    ::testing::Values(BodyCase{"as it stands", "", 0, ""},
                      BodyCase{"one interface in a list", "/dstInterface", {kInterface}, ""},
                      BodyCase{"two interfaces", "/dstInterface", {kInterface, kInterface}, ""},
                      BodyCase{"no interface", "/dstInterface", kGone, ""},
                      BodyCase{"older spelling", "/action", "FORWARD_AS_IS", ""},
                      BodyCase{"older spelling", "/action", "DUPLICATE_AS_IS", ""},
                      BodyCase{"unknown attribute of a rule is ignored", "/appName", "x", ""},
                      BodyCase{"edition 2.1.1's name of tag", "/trafficFilter/0/token", {"t"}, ""},
                      BodyCase{"unknown attribute of a filter",
                               "/trafficFilter/0/dstPorts",
                               {"80"},
                               "trafficFilter[0].dstPorts: is not an attribute known here"},
                      BodyCase{"no filter at all", "/trafficFilter", nlohmann::json::array(),
                               "trafficFilter: needs items: at least 1"},
                      BodyCase{"missing attribute", "/priority", kGone, "priority: is required"},
                      BodyCase{"out of range", "/priority", 256, "priority: must be at most 255"},
                      BodyCase{"ill-typed", "/priority", "1", "priority: must be of type integer"},
                      BodyCase{"ill-typed deep inside", "/trafficFilter/0/dstPort/0", 443,
                               "trafficFilter[0].dstPort[0]: must be of type string"},
                      BodyCase{"three interfaces",
                               "/dstInterface",
                               {kInterface, kInterface, kInterface},
                               "dstInterface: has too many items: at most 2"},
                      BodyCase{"unknown word", "/dstInterface/interfaceType", "ETH",
                               "dstInterface.interfaceType: must be one of TUNNEL, MAC, IP"},
                      BodyCase{"neither object nor list", "/dstInterface", "IP",
                               "dstInterface: must be of type object or array"},
                      BodyCase{"unknown state", "/state", "ON",
                               "state: must be one of ACTIVE, INACTIVE"}));

}  // namespace
}  // namespace sluice::api_specs
