// What discovery finds: on its own, and as services come and go.
#include "mep/capif/api_index.h"

#include <gmock/gmock.h>

#include "base/store/schema.h"
#include "base/store/test_notes.h"
#include "mep/capif/test_apis.h"
#include "mep/registry/test_services.h"

namespace sluice::mep::capif {
namespace {

using nlohmann::json;
using registry::ServiceRecord;
using testing::ElementsAre;
using testing::IsEmpty;

class ApiIndexTest : public testing::Test {
 protected:
  ApiIndexTest() {
    store::Schema schema;
    records_ = registry::Records::add_to(schema);
    store_ = std::move(*store::Store::open(directory_.file(), std::move(schema), clock_));
    registry_.emplace(records_, registry::Transports("http://mep"), registry::RegistryLimits{},
                      registry::LivenessRules{});
    index_.emplace(*registry_);
  }
  void put(const std::string& id, const ServiceRecord& record) {
    ASSERT_TRUE(store_->change([&](store::Transaction& change) -> Result<void> {
      change.put(records_.services, id, record);
      return {};
    }));
  }
  void erase(const std::string& id) {
    ASSERT_TRUE(store_->change([&](store::Transaction& change) -> Result<void> {
      change.erase(records_.services, id);
      return {};
    }));
  }
  std::vector<std::string> find(const std::string& query, const std::string& after = {},
                                size_t most = 100) {
    return index_->find(store_->snapshot(), ApiQuery::parse(http::Query::parse(query).value()),
                        after, most);
  }

  store::TestDirectory directory_;
  ManualClock clock_;
  registry::Records records_;
  std::unique_ptr<store::Store> store_;
  std::optional<registry::Registry> registry_;
  std::optional<ApiIndex> index_;
};

json two_profiles() {
  auto out = test_api("maps");
  auto second = test_profile("aef-2");
  second["protocol"] = "HTTP_1_1";
  second["dataFormat"] = "XML";
  second["versions"] = {
      {{"apiVersion", "v2"}},
      {{"apiVersion", "v3"}, {"custOperations", {{{"commType", "SUBSCRIBE_NOTIFY"}}}}}};
  out["aefProfiles"].push_back(second);
  out[kServiceInfo] = {{"category", registry::test_category("geo")}};
  out["serviceAPICategory"] = "Geography";
  return out;
}

struct Found {
  std::string query;
  bool found;
};

TEST_F(ApiIndexTest, AllThatIsAskedHasToHoldOfOneProfile) {
  put("a", read_description(two_profiles()).value());
  for (const auto& [query, found] : std::vector<Found>{
           {"", true},
           {"api-name=maps", true},
           {"api-name=map", false},
           {"aef-id=aef-2", true},
           {"aef-id=aef-3", false},
           {"protocol=HTTP_2", true},
           {"protocol=HTTP_3", false},
           {"data-format=XML", true},
           {"api-version=v1", true},
           {"api-version=v4", false},
           {"comm-type=REQUEST_RESPONSE", true},
           {"comm-type=SUBSCRIBE_NOTIFY", true},
           {"api-cat=geo", true},
           {"api-cat=Geography", true},
           {"api-cat=media", false},
           // Of one profile, and one version of it.
           {"aef-id=aef-1&data-format=XML", false},
           {"aef-id=aef-2&data-format=XML", true},
           {"aef-id=aef-1&api-version=v2", false},
           {"api-version=v2&comm-type=SUBSCRIBE_NOTIFY", false},
           {"api-version=v3&comm-type=SUBSCRIBE_NOTIFY", true},
           {"api-name=maps&api-cat=media", false},
           {"api-name=maps&aef-id=aef-2&api-cat=geo&protocol=HTTP_1_1", true},
       }) {
    EXPECT_EQ(find(query) == std::vector<std::string>{"a"}, found) << query;
    EXPECT_EQ(find(query).size(), found ? 1U : 0U) << query;
  }
}

TEST_F(ApiIndexTest, KnowsServicesOfMec011) {
  put("a", registry::test_record());
  EXPECT_THAT(find("api-name=video&aef-id=own&protocol=HTTP_2&api-version=1.0"), ElementsAre("a"));
}

TEST_F(ApiIndexTest, FollowsChanges) {
  put("a", read_description(two_profiles()).value());
  put("b", read_description(test_api()).value());
  EXPECT_THAT(find("aef-id=aef-1"), ElementsAre("a", "b"));
  put("a", read_description(test_api("charts")).value());
  EXPECT_THAT(find("aef-id=aef-2"), IsEmpty());
  EXPECT_THAT(find("api-cat=geo"), IsEmpty());
  EXPECT_THAT(find("api-name=maps"), ElementsAre("b"));
  EXPECT_THAT(find("api-name=charts"), ElementsAre("a"));
  erase("b");
  EXPECT_THAT(find("aef-id=aef-1"), ElementsAre("a"));
  EXPECT_THAT(find("api-name=maps"), IsEmpty());
}

TEST_F(ApiIndexTest, GivesPartsInOrder) {
  for (const auto* id : {"d", "b", "a", "c"}) put(id, read_description(test_api()).value());
  for (const auto* query : {"", "api-name=maps", "aef-id=aef-1"}) {
    EXPECT_THAT(find(query, "", 2), ElementsAre("a", "b")) << query;
    EXPECT_THAT(find(query, "b", 2), ElementsAre("c", "d")) << query;
    EXPECT_THAT(find(query, "d", 2), IsEmpty()) << query;
  }
}

}  // namespace
}  // namespace sluice::mep::capif
