#include "base/rest/attribute_filter.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace sluice::rest {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const json& item() {
  static const json value = json::parse(R"({
    "id": "r1", "weight": 100, "ratio": -2.5, "big": 18446744073709551615, "on": true,
    "name": "it's (a), b", "empty": "", "nothing": null, "since": "2026-01-02T03:04:05.5+01:00",
    "parts": [{"id": 1, "color": "red"}, {"id": 2, "color": "green"}],
    "tags": ["alpha", "beta"], "none": [], "grid": [[1, 2], [3]],
    "a/b": 1, "t~": 2, "c,d": 3, "@key": 4, "map": {"one": {"n": 1}, "two": {"n": 2}}
  })");
  return value;
}

struct Match {
  const char* filter;
  bool matches;
};

class FilterMatch : public testing::TestWithParam<Match> {};

TEST_P(FilterMatch, IsDecidedByTheMember) {
  const auto filter = AttributeFilter::parse(GetParam().filter);
  ASSERT_TRUE(filter) << filter.error().to_string();
  EXPECT_EQ(filter->matches(item()), GetParam().matches) << GetParam().filter;
  EXPECT_EQ(filter->matches_text(item().dump()), GetParam().matches) << GetParam().filter;
}

INSTANTIATE_TEST_SUITE_P(
    Operators, FilterMatch,
    testing::ValuesIn(std::vector<Match>{
        {"(eq,id,r1)", true},       {"(eq,id,r2)", false},      {"(neq,id,r2)", true},
        {"(neq,id,r1)", false},     {"(in,id,r0,r1)", true},    {"(in,id,r0,r2)", false},
        {"(nin,id,r0,r2)", true},   {"(nin,id,r0,r1)", false},  {"(gt,weight,99)", true},
        {"(gt,weight,100)", false}, {"(gte,weight,100)", true}, {"(gte,weight,101)", false},
        {"(lt,weight,101)", true},  {"(lt,weight,100)", false}, {"(lte,weight,100)", true},
        {"(lte,weight,99)", false}, {"(cont,id,x,r)", true},    {"(cont,id,x,y)", false},
        {"(ncont,id,x,y)", true},   {"(ncont,id,x,r)", false},
    }));

INSTANTIATE_TEST_SUITE_P(Types, FilterMatch,
                         testing::ValuesIn(std::vector<Match>{
                             {"(gt,weight,9)", true},  // as a number: as text "100" < "9"
                             {"(eq,weight,100.0)", true},
                             {"(eq,weight,1e2)", true},
                             {"(gt,ratio,-3)", true},
                             {"(lt,ratio,-2.25)", true},
                             {"(eq,big,18446744073709551615)", true},
                             {"(gt,big,-1)", true},
                             {"(eq,weight,heavy)", false},
                             {"(neq,weight,heavy)", true},
                             {"(gt,weight,heavy)", false},
                             {"(lte,weight,heavy)", false},
                             {"(cont,weight,10)", false},
                             {"(ncont,weight,x)", false},
                             {"(eq,on,true)", true},
                             {"(eq,on,false)", false},
                             {"(neq,on,false)", true},
                             {"(gt,on,false)", false},
                             {"(eq,since,2026-01-02T02:04:05.500Z)",
                              true},  // the same instant in other words
                             {"(gt,since,2026-01-02T03:00:00Z)", false},
                             {"(gt,since,2026-01-02T02:00:00Z)", true},
                             {"(lt,since,2027)", true},  // no date-time, so as text
                             {"(lt,id,r10)", true},
                             {"(eq,empty,'')", true},
                             {"(eq,nothing,'')", false},
                             {"(neq,nothing,x)", false},
                             {"(neq,absent,x)", false},
                             {"(neq,map,x)", false},
                             {"(eq,id/deeper,x)", false},
                         }));

INSTANTIATE_TEST_SUITE_P(Paths, FilterMatch,
                         testing::ValuesIn(std::vector<Match>{
                             {"(eq,parts/color,green)", true},
                             {"(eq,parts/color,blue)", false},
                             {"(neq,parts/color,green)", true},  // there is another
                             {"(eq,tags,beta)", true},
                             {"(nin,tags,alpha,beta)", false},
                             {"(neq,none,x)", false},
                             {"(eq,grid,3)", true},
                             {"(eq,parts/color,green);(eq,parts/id,2)", true},
                             {"(gt,parts/id,1);(lt,parts/id,2)",
                              false},  // no single element is both
                             {"(gte,parts/id,2);(lt,parts/id,3)", true},
                             {"(eq,id,r1);(eq,weight,1)", false},
                             {"(eq,a~1b,1)", true},
                             {"(eq,t~0,2)", true},
                             {"(eq,c~ad,3)", true},
                             {"(eq,~bkey,4)", true},
                             {"(eq,map/@key,two)", true},
                             {"(eq,map/@key,three)", false},
                             {"(eq,map/two/n,2)", true},
                         }));

INSTANTIATE_TEST_SUITE_P(Quotes, FilterMatch,
                         testing::ValuesIn(std::vector<Match>{
                             {"(eq,name,'it''s (a), b')", true},
                             {"(cont,name,'''')", true},
                             {"(cont,name,'(a), ')", true},
                             {"(cont,name,(a)", true},
                             {"(in,name,'x,y','it''s (a), b')", true},
                             {"(eq,id,'r1')", true},
                             {"(neq,id,a;b)", true},
                         }));

struct Refusal {
  std::string filter;
  const char* reason;
};

std::string repeated(std::string_view part, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += part;
  return out;
}

TEST(AttributeFilter, RefusesWhatIsNoFilterAndSaysWhere) {
  const std::string expression = "(eq,a,1)";
  const std::vector<Refusal> refusals = {
      {"", "at octet 1: an expression is"},
      {"eq,a,1", "at octet 1: an expression is"},
      {"(eq,a,1", "\")\" has to end"},
      {"(eq,a,1)x", "at octet 9: expressions are separated"},
      {"(eq,a,1);", "at octet 10: an expression is"},
      {"(eq,a,1),(eq,b,1)", "separated by"},
      {"(like,a,1)", "at octet 2: the operators are"},
      {"(EQ,a,1)", "the operators are"},
      {"(eq)", "an attribute has to follow"},
      {"(eq,a)", "a value has to follow"},
      {"(eq,,1)", "an attribute name is empty"},
      {"(eq,a//b,1)", "an attribute name is empty"},
      {"(eq,a~2,1)", "is written ~0"},
      {"(eq,a~,1)", "is written ~0"},
      {"(eq,@key/a,1)", "nothing can follow @key"},
      {"(eq,a,)", "the empty string is ''"},
      {"(eq,a,1,2)", "eq takes one value"},
      {"(eq,a,'1)", "a quote is not closed"},
      {"(eq,a,'1'2)", "has to follow a closing quote"},
      {"(eq,a,it's)", "stands in quotes"},
      {"(eq,a" + repeated("/a", kMaxPathDepth) + ",1)", "at most 8 names"},
      {"(in,a" + repeated(",1", kMaxValues + 1) + ")", "more than 64 values"},
      {expression + repeated(";" + expression, kMaxExpressions), "more than 16 expressions"},
      {"(eq,a," + std::string(kMaxFilterLength, 'x') + ")", "more than 4096 octets"},
  };
  for (const auto& [text, reason] : refusals) {
    const auto filter = AttributeFilter::parse(text);
    ASSERT_FALSE(filter) << text;
    EXPECT_EQ(filter.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(filter.error().message, HasSubstr(reason)) << text;
  }
}

TEST(AttributeFilter, TakesAsMuchAsTheBoundsSay) {
  for (const auto& text : {"(eq,a" + repeated("/a", kMaxPathDepth - 1) + ",1)",
                           "(in,a" + repeated(",1", kMaxValues) + ")",
                           "(eq,a,1)" + repeated(";(eq,a,1)", kMaxExpressions - 1),
                           "(eq,a," + std::string(kMaxFilterLength - 7, 'x') + ")"}) {
    EXPECT_TRUE(AttributeFilter::parse(text)) << text;
  }
}

struct TextCase {
  const char* text;
  const char* filter;
  bool matches;
};

TEST(FilterOfText, FindsItsWayAndReadsNoFurtherThanTheText) {
  for (const auto& [text, filter, matches] : std::vector<TextCase>{
           {R"({"a":"x\\","b":"\"","c\"d":1,"e":[]})", "(eq,b,'\"')", true},
           {R"({"a":"x\\","b":"\"","c\"d":1,"e":[]})", "(eq,a,x\\)", true},
           {R"({"a":"x\\","b":"\"","c\"d":1,"e":[]})", "(eq,c\"d,1)", true},
           {R"({"a":{"b":{"c":"}]"}},"d":[[],{}],"z":7})", "(eq,z,7)", true},
           {R"({"a":{"b":{"c":"}]"}},"d":[[],{}],"z":7})", "(eq,a/b/c,'}]')", true},
           {R"({"a":{"b":{"c":"}]"}},"d":[[],{}],"z":7})", "(eq,a/b,7)", false},
           {R"({"a":"\u00e9"})", "(eq,a,\u00e9)", true},
           {R"({"a":[{"b":1},{"b":2,"c":3}]})", "(eq,a/c,3)", true},
           {"", "(eq,a,1)", false},
           {"{", "(eq,a,1)", false},
           {"{\"a", "(eq,a,1)", false},
           {"{\"a\":", "(eq,a,1)", false},
           {"{\"a\":1", "(eq,b,1)", false},
           {"{\"b\":\"\\", "(eq,a,1)", false},
           {"{\"a\":[1,", "(eq,a,2)", false},
           {"{\"a\":[1 2]}", "(eq,a,2)", false},
           {"[1", "(eq,a,1)", false},
           {"{\"b\":{\"c\":", "(eq,a,1)", false},
       }) {
    EXPECT_EQ(AttributeFilter::parse(filter)->matches_text(text), matches) << text << filter;
  }
  const std::string deep(100'000, '[');
  EXPECT_FALSE(AttributeFilter::parse("(eq,a,1)")->matches_text(deep));
}

TEST(Filter, TellsWhatAMemberHasToBe) {
  struct Case {
    const char* filter;
    std::optional<std::vector<std::string>> required;
  };
  for (const auto& [filter, required] : std::vector<Case>{
           {"(eq,a/b,x)", {{"x"}}},
           {"(in,a/b,x,y)", {{"x", "y"}}},
           {"(neq,a/b,z);(eq,a/b,x)", {{"x"}}},
           {"(neq,a/b,x)", std::nullopt},
           {"(cont,a/b,x)", std::nullopt},
           {"(eq,a,x)", std::nullopt},
           {"(eq,a/b,2026-01-02T03:04:05Z)", std::nullopt},  // other spellings are equal, too
       }) {
    EXPECT_EQ(AttributeFilter::parse(filter)->required({"a", "b"}), required) << filter;
  }
}

TEST(DateTime, IsReadAsRfc3339) {
  EXPECT_EQ(parse_date_time("1970-01-01T00:00:01Z"), 1'000'000'000);
  EXPECT_EQ(parse_date_time("1970-01-01t01:00:00.000000001+01:00"), 1);
  EXPECT_EQ(parse_date_time("1969-12-31T23:59:59-00:00"), -1'000'000'000);
  for (const auto* text :
       {"", "1970-01-01", "1970-01-01T00:00:00", "1970-13-01T00:00:00Z", "1970-02-30T00:00:00Z",
        "1970-01-01T24:00:00Z", "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00+1:00",
        "1970-01-01T00:00:00Zx", "-970-01-01T00:00:00Z", "9999-01-01T00:00:00Z"}) {
    EXPECT_FALSE(parse_date_time(text)) << text;
  }
}

}  // namespace
}  // namespace sluice::rest
