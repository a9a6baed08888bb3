// The small parts that take requests apart.
#include "base/http/message.h"

#include "base/http/json_text.h"
#include "base/http/negotiation.h"
#include "base/http/percent.h"
#include "base/http/problem.h"
#include "base/http/target.h"

namespace sluice::http {
namespace {

TEST(Headers, CompareNamesWithoutCase) {
  Headers headers;
  headers.add("ETag", "a");
  headers.add("etag", "b");
  EXPECT_EQ(headers.get("ETAG"), "a");
  headers.set("Etag", "c");
  EXPECT_EQ(headers.joined("etag"), "c");
  headers.remove("ETAG");
  EXPECT_EQ(headers.size(), 0U);
  EXPECT_FALSE(headers.joined("etag"));
}

TEST(Percent, DecodesWhatIsWellFormed) {
  struct Case {
    std::string text;
    PlusIs plus;
    std::optional<std::string> decoded;
  };
  const Case cases[] = {
      {"a%20b", PlusIs::kItself, "a b"},      {"a+b", PlusIs::kItself, "a+b"},
      {"a+b", PlusIs::kSpace, "a b"},         {"%C3%A9", PlusIs::kItself, "\xc3\xa9"},
      {"%2f%2F", PlusIs::kItself, "//"},      {"%", PlusIs::kItself, std::nullopt},
      {"%2", PlusIs::kItself, std::nullopt},  {"%zz", PlusIs::kItself, std::nullopt},
      {"%+1", PlusIs::kItself, std::nullopt}, {"%00", PlusIs::kItself, std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(percent_decode(c.text, c.plus), c.decoded) << c.text;
  EXPECT_EQ(percent_encode("a b/\xc3"), "a%20b%2F%C3");
}

TEST(Query, KeepsOrderAndRepetition) {
  const auto query = Query::parse("b=2&a=1&&b=3&c&d=%26&=x");
  ASSERT_TRUE(query);
  EXPECT_THAT(query->all("b"), ::testing::ElementsAre("2", "3"));
  EXPECT_EQ(query->get("c"), "");
  EXPECT_EQ(query->get("d"), "&");
  EXPECT_EQ(query->begin()->first, "b");
  EXPECT_FALSE(Query::parse("a=%"));
  EXPECT_TRUE(Query::parse("")->empty());
}

TEST(Target, IsTakenApart) {
  struct Case {
    std::string text;
    std::vector<std::string_view> segments;
    std::string query;
  };
  const Case cases[] = {
      {"/", {""}, ""},
      {"/a/b?c=d", {"a", "b"}, "c=d"},
      {"/a%2Fb/%20", {"a/b", " "}, ""},
      {"/a/", {"a", ""}, ""},
      {"//a", {"", "a"}, ""},
      {"http://host:1/a?b", {"a"}, "b"},
      {"http://host", {""}, ""},
      {"/a?b?c#d", {"a"}, "b?c"},
      {"/...", {"..."}, ""},
      {"/a#b?c", {"a"}, ""},
      {"/a?", {"a"}, ""},
      {"/a?b#c/d", {"a"}, "b"},
  };
  for (const auto& c : cases) {
    const auto target = parse_target(c.text);
    ASSERT_TRUE(target) << c.text;
    EXPECT_EQ(target->segments, c.segments) << c.text;
    EXPECT_EQ(target->query, c.query) << c.text;
  }
  EXPECT_TRUE(parse_target("*")->asterisk);
  for (const char* bad : {"", "a", "/a/../b", "/.", "/%2e%2E/a", "/a%", "/a%00", "/%0a", "?a",
                          "http://host?a", "/a\x7f", "/\xc3\xa4", "/a?b=\xff"}) {
    EXPECT_FALSE(parse_target(bad)) << bad;
  }
}

TEST(Negotiation, HonoursWhatTheClientAccepts) {
  const std::vector<std::string> json = {"application/json"};
  const std::pair<std::string, bool> cases[] = {
      {"application/json", true},
      {"APPLICATION/JSON", true},
      {"*/*", true},
      {"application/*", true},
      {"text/html, application/json;q=0.1", true},
      {"application/json;charset=utf-8", true},
      {"text/html", false},
      {"text/*", false},
      {"application/xml", false},
      {"application/json;q=0", false},
      {"*/*, application/json; q=0.000", false},
      {"application/json, */*;q=0", true},
      {"application/problem+json", false},
      {"", true},
      {"nonsense", true},
      {"/,;,q=0", true},
      {"text/html, nonsense", false},
  };
  for (const auto& [accept, admitted] : cases) {
    EXPECT_EQ(accepts(accept, json), admitted) << accept;
  }
  EXPECT_EQ(media_type(" Application/JSON ; charset=utf-8"), "application/json");
}

TEST(JsonText, ErrorsSayWhere) {
  const std::pair<std::string, std::string> cases[] = {
      {"{\"a\": 1,\n \"b\": x}", "not JSON at 2:7: "},
      {"", "not JSON at 1:1: "},
      {"[1, 2", "not JSON at 1:"},
      {"{} {}", "not JSON at 1:4: "},
      {"\"\xff\"", "not JSON at 1:2: "},
      {"[1e999]", "not JSON at 1:"},
      {"{\"a\": 1, \"a\": 2}", "the name \"a\" appears twice"},
      {R"(["a\u0000b"])", "a text has a NUL in it"},
      {R"({"\u0000": 1})", "a text has a NUL in it"},
      {"[[[[[[[[[1]]]]]]]]]", "nested deeper than 8 levels"},
  };
  for (const auto& [text, beginning] : cases) {
    const auto json = parse_json(text, {.max_depth = 8});
    ASSERT_FALSE(json) << text;
    EXPECT_THAT(json.error().message, ::testing::StartsWith(beginning)) << text;
  }
  EXPECT_FALSE(parse_json(std::string(1'000'000, '['))) << "and does not overflow the stack";
  EXPECT_FALSE(parse_json("[1, {\"a\": 2}, 3]", {.max_values = 4}));
  EXPECT_TRUE(parse_json("[1, {\"a\": 2}, 3]", {.max_values = 5}));
}

TEST(JsonText, BuildsWhatTheLibraryBuilds) {
  for (const char* text : {"null", "true", "-1", "18446744073709551615", "1.5", "\"x\"", "[]", "{}",
                           R"({"a":[1,{"b":[]},null],"c":{"d":"e"}})", R"([[1],[2,[3]],4])"}) {
    EXPECT_EQ(*parse_json(text, {.max_depth = 8}), nlohmann::json::parse(text)) << text;
  }
}

TEST(Problem, ShowsTheErrorButNotOurInternals) {
  const auto bad = to_response(Error{ErrorCode::kInvalidArgument, "must be \"x\"", "a[0].b"});
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.headers.get("Content-Type"), "application/problem+json");
  EXPECT_EQ(nlohmann::json::parse(bad.body), (nlohmann::json{{"type", "about:blank"},
                                                             {"title", "Bad Request"},
                                                             {"status", 400},
                                                             {"detail", "a[0].b: must be \"x\""}}));
  const auto internal = to_response(Error{ErrorCode::kInternal, "password file missing", ""});
  EXPECT_EQ(internal.status, 500);
  EXPECT_EQ(internal.body.find("password"), std::string::npos);
}

TEST(Problem, QuotesAnythingTheClientSent) {
  const auto reply = Response::problem(400, "bad \xff\xfe text");
  EXPECT_TRUE(nlohmann::json::accept(reply.body));
}

}  // namespace
}  // namespace sluice::http
