// Which services a query or a subscription means, and what kind of change one is.
#include "mep/registry/query.h"

#include "mep/registry/filter.h"
#include "mep/registry/test_services.h"

namespace sluice::mep::registry {
namespace {

using nlohmann::json;

ServiceQuery query(const std::string& text) {
  return ServiceQuery::parse(http::Query::parse(text).value()).value();
}

struct QueryCase {
  std::string text;
  bool found;
};

class Query : public ::testing::TestWithParam<QueryCase> {};

TEST_P(Query, FindsWhatItNames) {
  auto body = test_service("a,b");
  body["serCategory"] = test_category("media");
  body["consumedLocalOnly"] = false;
  EXPECT_EQ(matches(query(GetParam().text), "id-1", ServiceFacets(test_record(body).info)),
            GetParam().found)
      << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Query,
    ::testing::Values(QueryCase{"", true}, QueryCase{"ser_instance_id=id-1", true},
                      QueryCase{"ser_instance_id=id-2", false},
                      QueryCase{"ser_instance_id=id-2&ser_instance_id=id-1", true},
                      QueryCase{"ser_instance_id=id-2,id-1", true},
                      QueryCase{"ser_name=a,b", true},  // a name with a comma in it
                      QueryCase{"ser_name=a", false}, QueryCase{"ser_category_id=media", true},
                      QueryCase{"ser_category_id=games", false},
                      QueryCase{"scope_of_locality=MEC_HOST", true},
                      QueryCase{"scope_of_locality=ZONE", false},
                      QueryCase{"consumed_local_only=false", true},
                      QueryCase{"consumed_local_only=true", false},
                      QueryCase{"is_local=true", true}, QueryCase{"is_local=false", false},
                      QueryCase{"ser_category_id=media&is_local=false", false}));

TEST(QueryParameters, ExcludeEachOther) {
  for (const auto* text : {"ser_instance_id=a&ser_name=b", "ser_name=a&ser_category_id=b",
                           "ser_instance_id=a&ser_category_id=b"}) {
    const auto parsed = ServiceQuery::parse(http::Query::parse(text).value());
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
  }
}

struct ChangeCase {
  std::string name;
  json before;  // null: was not there
  json after;
  bool suspended_before;
  bool suspended_after;
  std::string type;  // empty: nothing to tell
};

json with(const std::string& member, const json& value) {
  auto out = test_service();
  out[member] = value;
  return out;
}

json with_two(const std::string& member, const json& value) {
  auto out = with(member, value);
  out["state"] = "INACTIVE";
  return out;
}

class Change : public ::testing::TestWithParam<ChangeCase> {};

TEST_P(Change, IsClassified) {
  const auto& c = GetParam();
  ServiceRecord before = c.before.is_null() ? ServiceRecord{} : test_record(c.before);
  ServiceRecord after = c.after.is_null() ? ServiceRecord{} : test_record(c.after);
  before.suspended = c.suspended_before;
  after.suspended = c.suspended_after;
  const auto type = classify(
      {"id-1", c.before.is_null() ? nullptr : &before, c.after.is_null() ? nullptr : &after});
  EXPECT_EQ(type ? std::string(to_string(*type)) : "", c.type);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Change,
    ::testing::Values(
        ChangeCase{"added", nullptr, test_service(), false, false, "ADDED"},
        ChangeCase{"removed", test_service(), nullptr, false, false, "REMOVED"},
        ChangeCase{"same", test_service(), test_service(), false, false, ""},
        ChangeCase{"state", test_service(), with("state", "INACTIVE"), false, false,
                   "STATE_CHANGED"},
        ChangeCase{"suspended", test_service(), test_service(), false, true, "STATE_CHANGED"},
        ChangeCase{"back", test_service(), test_service(), true, false, "STATE_CHANGED"},
        ChangeCase{"version", test_service(), with("version", "2"), false, false,
                   "ATTRIBUTES_CHANGED"},
        ChangeCase{"both", test_service(), with_two("version", "2"), false, false,
                   "ATTRIBUTES_CHANGED"},
        ChangeCase{"category", test_service(), with("serCategory", test_category()), false, false,
                   "ATTRIBUTES_CHANGED"},
        // Invisible: what is inactive is not missed.
        ChangeCase{"inactive", with("state", "INACTIVE"), with("state", "INACTIVE"), false, true,
                   ""}),
    [](const auto& p) { return p.param.name; });

struct FilterCase {
  std::string name;
  json criteria;
  bool told;
};

class Filter : public ::testing::TestWithParam<FilterCase> {};

// A service "video" of category "media" is renamed to "film" and becomes inactive.
TEST_P(Filter, DecidesWhoIsTold) {
  auto old_body = test_service("video");
  old_body["serCategory"] = test_category("media");
  auto new_body = old_body;
  new_body["serName"] = "film";
  new_body["state"] = "INACTIVE";
  const auto before = test_record(old_body);
  const auto after = test_record(new_body);
  const auto criteria = criteria_from_json(GetParam().criteria);
  ASSERT_TRUE(criteria) << criteria.error().to_string();
  EXPECT_EQ(matches(*criteria, {"id-1", &before, &after}), GetParam().told);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Filter,
    ::testing::Values(
        FilterCase{"none", json::object(), true},
        FilterCase{"empty_lists", {{"serNames", json::array()}, {"states", json::array()}}, true},
        FilterCase{"id", {{"serInstanceIds", {"id-0", "id-1"}}}, true},
        FilterCase{"other_id", {{"serInstanceIds", {"id-0"}}}, false},
        FilterCase{"new_name", {{"serNames", {"film"}}}, true},
        FilterCase{"old_name", {{"serNames", {"video"}}}, true},
        FilterCase{"other_name", {{"serNames", {"vid"}}}, false},
        FilterCase{"category", {{"serCategories", json::array({test_category("media")})}}, true},
        FilterCase{
            "other_category", {{"serCategories", json::array({test_category("games")})}}, false},
        FilterCase{"state_after", {{"states", {"INACTIVE"}}}, true},
        FilterCase{"state_before", {{"states", {"ACTIVE", "SUSPENDED"}}}, false},
        FilterCase{"local", {{"isLocal", true}}, true},
        FilterCase{"not_local", {{"isLocal", false}}, false},
        FilterCase{"all_must_hold", {{"serNames", {"film"}}, {"states", {"ACTIVE"}}}, false}),
    [](const auto& p) { return p.param.name; });

TEST(FilteringCriteria, TakeOneWayToNameServices) {
  const auto criteria = criteria_from_json({{"serInstanceIds", {"a"}}, {"serNames", {"b"}}});
  ASSERT_FALSE(criteria);
  EXPECT_EQ(criteria.error().to_string(),
            "filteringCriteria: takes one of serInstanceIds, serNames and serCategories, got 2");
}

}  // namespace
}  // namespace sluice::mep::registry
