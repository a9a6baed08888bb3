// ServiceInfo: what is read is written again, and what no schema can say is refused.
#include "mep/registry/model.h"

#include "mep/registry/test_services.h"

namespace sluice::mep::registry {
namespace {

using nlohmann::json;

json complete_service() {
  auto out = test_service();
  out["serCategory"] = test_category();
  out["scopeOfLocality"] = "ZONE";
  out["consumedLocalOnly"] = false;
  out["isLocal"] = false;
  out["livenessInterval"] = 5;
  out["transportInfo"]["description"] = "of the app";
  out["transportInfo"]["security"] = {
      {"oAuth2Info",
       {{"grantTypes", {"OAUTH2_CLIENT_CREDENTIALS"}}, {"tokenEndpoint", "https://app/token"}}},
      {"tls", {{"mutual", true}}}};
  out["transportInfo"]["implSpecificInfo"] = {{"a", 1}};
  return out;
}

TEST(ServiceInfo, ReadsAndWritesEveryAttribute) {
  const auto service = service_from_json(complete_service());
  ASSERT_TRUE(service) << service.error().to_string();
  EXPECT_EQ(to_json(*service), complete_service());
}

TEST(ServiceInfo, HasTheDefaultsOfTheStandard) {
  const auto service = service_from_json(test_service());
  ASSERT_TRUE(service);
  EXPECT_EQ(service->scope_of_locality, Locality::kMecHost);
  EXPECT_TRUE(service->consumed_local_only);
  EXPECT_TRUE(service->is_local);
  EXPECT_EQ(service->liveness_interval_s, std::nullopt);
}

TEST(ServiceInfo, OneGrantTypeAloneIsReadAsAList) {
  auto body = complete_service();
  body["transportInfo"]["security"]["oAuth2Info"]["grantTypes"] = "OAUTH2_CLIENT_CREDENTIALS";
  EXPECT_EQ(to_json(service_from_json(body).value()), complete_service());
}

struct EndpointCase {
  std::string name;
  json endpoint;
  std::string error;  // empty: accepted and written alike
};

class Endpoint : public ::testing::TestWithParam<EndpointCase> {};

TEST_P(Endpoint, IsJudged) {
  auto body = test_service();
  body["transportInfo"]["endpoint"] = GetParam().endpoint;
  const auto service = service_from_json(body);
  EXPECT_EQ(service ? "" : service.error().to_string(), GetParam().error);
  if (service) {
    EXPECT_EQ(to_json(*service)["transportInfo"]["endpoint"], GetParam().endpoint);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Endpoint,
    ::testing::Values(
        EndpointCase{"uris", {{"uris", {"http://a", "http://b"}}}, ""},
        EndpointCase{"fqdn", {{"fqdn", {"a.example"}}}, ""},
        EndpointCase{"addresses", {{"addresses", {{{"host", "10.0.0.1"}, {"port", 80}}}}}, ""},
        EndpointCase{"alternative", {{"alternative", {{"topic", "t"}}}}, ""},
        EndpointCase{"none", json::object(),
                     "transportInfo.endpoint: needs exactly one of uris, fqdn, addresses and "
                     "alternative, got 0"},
        EndpointCase{"two",
                     {{"uris", {"http://a"}}, {"fqdn", {"a.example"}}},
                     "transportInfo.endpoint: needs exactly one of uris, fqdn, addresses and "
                     "alternative, got 2"},
        EndpointCase{"port out of range",
                     {{"addresses", {{{"host", "10.0.0.1"}, {"port", 65536}}}}},
                     "transportInfo.endpoint.addresses[0].port: must be a whole number from 0 to "
                     "65535"}),
    [](const auto& p) {
      auto name = p.param.name;
      std::ranges::replace(name, ' ', '_');
      return name;
    });

TEST(ServiceInfo, ARestTransportSpeaksHttp) {
  auto body = test_service();
  body["transportInfo"]["protocol"] = "MQTT";
  EXPECT_EQ(service_from_json(body).error().field, "transportInfo.protocol");
  body["transportInfo"]["type"] = "MB_PUBSUB";
  EXPECT_TRUE(service_from_json(body));
}

TEST(ServiceInfo, NamesWhatIsMissingOrUnknown) {
  for (const auto* member : {"serName", "version", "state", "serializer"}) {
    auto body = test_service();
    body.erase(member);
    EXPECT_EQ(service_from_json(body).error().field, member);
  }
  auto body = test_service();
  body["state"] = "ASLEEP";
  EXPECT_EQ(service_from_json(body).error().to_string(), "state: is not a word known here");
}

TEST(ServiceRecord, SurvivesTheStore) {
  auto record = test_record(complete_service());
  record.suspended = true;
  record.proposed_interval_s = 7;
  record.beat_ms = 1'234;
  record.capif = PackedJson(json{{"apiName", "video"}});
  const auto again = record_from_json(json::parse(to_json(record).dump()));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(to_json(*again), to_json(record));
  EXPECT_EQ(again->info, record.info);
}

TEST(ServiceRecord, OnlyAnActiveServiceIsSuspended) {
  auto record = test_record();
  record.suspended = true;
  EXPECT_EQ(record.state(), ServiceState::kSuspended);
  record.info.state = ServiceState::kInactive;
  EXPECT_EQ(record.state(), ServiceState::kInactive);
}

}  // namespace
}  // namespace sluice::mep::registry
