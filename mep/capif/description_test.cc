// A ServiceAPIDescription as a service of MEC 011, and a service as a ServiceAPIDescription.
#include "mep/capif/description.h"

#include <gmock/gmock.h>

#include "mep/capif/test_apis.h"
#include "mep/registry/test_services.h"

namespace sluice::mep::capif {
namespace {

using nlohmann::json;

// One change to test_api(), given as a merge patch of the whole or of its first profile.
struct Reading {
  std::string name;
  json patch;
  json profile_patch;
  json service;       // members that the service has then; "transportInfo" is compared by member
  std::string error;  // empty: it is read
};

class Read : public testing::TestWithParam<Reading> {};

TEST_P(Read, IsTheServiceThatItDescribes) {
  auto description = test_api();
  description.merge_patch(GetParam().patch);
  if (!GetParam().profile_patch.is_null()) {
    description["aefProfiles"][0].merge_patch(GetParam().profile_patch);
  }
  const auto record = read_description(description);
  EXPECT_EQ(record ? "" : record.error().to_string(), GetParam().error);
  if (!record) return;
  const auto service = to_json(record->info);
  for (const auto& [member, value] : GetParam().service.items()) {
    if (member != "transportInfo") {
      EXPECT_EQ(service[member], value) << member;
      continue;
    }
    for (const auto& [inner, wanted] : value.items()) {
      EXPECT_EQ(service[member][inner], wanted) << inner;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Read,
    testing::Values(
        Reading{"usual",
                json::object(),
                nullptr,
                {{"serName", "maps"},
                 {"version", "v1"},
                 {"state", "ACTIVE"},
                 {"serializer", "JSON"},
                 {"transportInfo",
                  {{"id", "aef-1"},
                   {"name", "aef-1"},
                   {"type", "REST_HTTP"},
                   {"protocol", "HTTP"},
                   {"version", "2.0"},
                   {"endpoint", {{"addresses", {{{"host", "10.9.0.2"}, {"port", 8443}}}}}}}}},
                ""},
        Reading{"http_1",
                json::object(),
                {{"protocol", "HTTP_1_1"}},
                {{"transportInfo", {{"protocol", "HTTP"}, {"version", "1.1"}}}},
                ""},
        Reading{"no_protocol",
                json::object(),
                {{"protocol", nullptr}},
                {{"transportInfo", {{"protocol", "HTTP"}, {"version", "1.1"}}}},
                ""},
        Reading{"another_protocol",
                json::object(),
                {{"protocol", "MQTT"}, {kTransportInfo, {{"type", "MB_PUBSUB"}}}},
                {{"transportInfo", {{"protocol", "MQTT"}, {"type", "MB_PUBSUB"}}}},
                ""},
        Reading{"rest_is_http",
                json::object(),
                {{"protocol", "MQTT"}},
                json::object(),
                "aefProfiles[0].protocol: is HTTP for a transport of type REST_HTTP"},
        Reading{"domain",
                json::object(),
                {{"domainName", "maps.example"}, {"interfaceDescriptions", nullptr}},
                {{"transportInfo", {{"endpoint", {{"fqdn", {"maps.example"}}}}}}},
                ""},
        Reading{"ipv6",
                json::object(),
                {{"interfaceDescriptions", {{{"ipv6Addr", "fd00::2"}}}}},
                {{"transportInfo",
                  {{"endpoint", {{"addresses", {{{"host", "fd00::2"}, {"port", 0}}}}}}}}},
                ""},
        Reading{"no_address",
                json::object(),
                {{"interfaceDescriptions", {{{"port", 1}}}}},
                json::object(),
                "aefProfiles[0].interfaceDescriptions: names no address"},
        Reading{"nowhere",
                json::object(),
                {{"interfaceDescriptions", nullptr}},
                json::object(),
                "aefProfiles[0]: needs domainName or interfaceDescriptions"},
        Reading{"endpoint_of_the_extension",
                json::object(),
                {{kTransportInfo,
                  {{"name", "tiles"}, {"endpoint", {{"uris", {"http://10.9.0.2/t"}}}}}}},
                {{"transportInfo",
                  {{"name", "tiles"}, {"endpoint", {{"uris", {"http://10.9.0.2/t"}}}}}}},
                ""},
        Reading{"no_profile",
                {{"aefProfiles", json::array()}},
                nullptr,
                json::object(),
                "aefProfiles: is required: a service needs a place to be reached at"},
        Reading{"service_info",
                {{kServiceInfo,
                  {{"serializer", "XML"},
                   {"state", "INACTIVE"},
                   {"scopeOfLocality", "ZONE"},
                   {"consumedLocalOnly", false},
                   {"isLocal", false},
                   {"category", registry::test_category()}}}},
                nullptr,
                {{"serializer", "XML"},
                 {"state", "INACTIVE"},
                 {"scopeOfLocality", "ZONE"},
                 {"consumedLocalOnly", false},
                 {"isLocal", false},
                 {"serCategory", registry::test_category()}},
                ""},
        Reading{"unknown_format",
                json::object(),
                {{"dataFormat", "CBOR"}},
                {{"serializer", "JSON"}},
                ""}),
    [](const auto& p) { return p.param.name; });

TEST(Description, OfWhatWasPublishedIsWhatWasGiven) {
  auto given = test_api();
  given["shareableInfo"] = {{"isShareable", false}};  // no attribute of this profile: kept
  given["aefProfiles"].push_back(test_profile("aef-2"));
  auto record = read_description(given).value();
  auto shown = describe("id-1", record, *record.info.transport);
  EXPECT_EQ(shown["apiId"], "id-1");
  EXPECT_EQ(shown[kServiceInfo]["state"], "ACTIVE");
  shown.erase("apiId");
  shown.erase(kServiceInfo);
  EXPECT_EQ(shown, given);
}

TEST(Description, FollowsWhatMec011ChangedSince) {
  auto record = read_description(test_api()).value();
  record.info.version = "v2";
  record.info.name = "charts";
  record.suspended = true;
  const auto shown = describe("id-1", record, *record.info.transport);
  EXPECT_EQ(shown["apiName"], "charts");
  EXPECT_EQ(shown["description"], "for people who are lost");
  EXPECT_EQ(shown["aefProfiles"][0]["versions"], json::array({{{"apiVersion", "v2"}}}));
  EXPECT_EQ(shown[kServiceInfo]["state"], "SUSPENDED");
}

struct Endpoint {
  json mec;      // EndPointInfo
  json profile;  // members of the AEF profile; null: not there
};

TEST(Description, NamesWhereAServiceIsReachedAsFarAsCapifHasWords) {
  for (const auto& [mec, profile] : std::vector<Endpoint>{
           {{{"uris", {"https://[fd00::2]:8443/x", "http://maps.example/"}}},
            {{"interfaceDescriptions",
              {{{"ipv6Addr", "fd00::2"}, {"port", 8443}},
               {{"fqdn", "maps.example"}, {"port", 80}}}}}},
           {{{"fqdn", {"a.example", "b.example"}}}, {{"domainName", "a.example"}}},
           {{{"addresses", {{{"host", "10.9.0.2"}, {"port", 0}}}}},
            {{"interfaceDescriptions", {{{"ipv4Addr", "10.9.0.2"}}}}}},
           {{{"alternative", {{"topic", "t"}}}},
            {{"domainName", nullptr}, {"interfaceDescriptions", nullptr}}},
       }) {
    auto body = registry::test_service();
    body["transportInfo"]["endpoint"] = mec;
    const auto record = registry::test_record(body);
    const auto shown = describe("id-1", record, *record.info.transport);
    const auto& first = shown["aefProfiles"][0];
    for (const auto& [member, value] : profile.items()) {
      EXPECT_EQ(first.value(member, json()), value) << mec << member;
    }
    EXPECT_EQ(first[kTransportInfo]["endpoint"], mec);  // whole
    // Published again as it is shown it is the same service.
    const auto again = read_description(shown);
    ASSERT_TRUE(again) << again.error().to_string();
    EXPECT_EQ(again->info, record.info);
  }
}

}  // namespace
}  // namespace sluice::mep::capif
