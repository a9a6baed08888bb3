#include "base/rest/list_reply.h"

#include <gmock/gmock.h>

namespace sluice::rest {
namespace {

using http::Request;
using nlohmann::json;
using testing::HasSubstr;

Request get(const std::string& query, size_t page_size = 1000) {
  Request request;
  request.page_size = page_size;
  request.target = "/x/v1/items" + (query.empty() ? "" : "?" + query);
  request.query = http::Query::parse(query).value();
  return request;
}

const ListOptions& options() {
  static const ListOptions value{.id_member = "id", .excluded_by_default = {"extra", "deep/much"}};
  return value;
}

json one() {
  return json::parse(R"({"id": "a", "n": 1, "text": "t", "list": [{"x": 1, "y": {"z": 2}}],
                         "extra": {"e": 1}, "deep": {"much": [1], "little": 1}})");
}

struct Selection {
  const char* query;
  const char* reply;  // of one()
};

class Selected : public testing::TestWithParam<Selection> {};

TEST_P(Selected, MembersAreAllThatIsTold) {
  const auto response = list_reply(get(GetParam().query), {one()}, options());
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(json::parse(response.body)[0], json::parse(GetParam().reply)) << GetParam().query;
}

INSTANTIATE_TEST_SUITE_P(
    Selectors, Selected,
    testing::ValuesIn(std::vector<Selection>{
        {"", R"({"id":"a","n":1,"text":"t","list":[{"x":1,"y":{"z":2}}],"deep":{"little":1}})"},
        {"exclude_default",
         R"({"id":"a","n":1,"text":"t","list":[{"x":1,"y":{"z":2}}],"deep":{"little":1}})"},
        {"all_fields",
         R"({"id":"a","n":1,"text":"t","list":[{"x":1,"y":{"z":2}}],"extra":{"e":1},
             "deep":{"much":[1],"little":1}})"},
        {"fields=list", R"({"id":"a","n":1,"text":"t","list":[{"x":1,"y":{"z":2}}]})"},
        {"fields=extra,deep/much",
         R"({"id":"a","n":1,"text":"t","extra":{"e":1},"deep":{"much":[1],"little":1}})"},
        {"fields=n", R"({"id":"a","n":1})"},
        {"fields=n,list/x", R"({"id":"a","n":1,"list":[{"x":1}]})"},
        {"fields=absent", R"({"id":"a","n":1,"text":"t"})"},
        {"exclude_fields=list,deep,text", R"({"id":"a","n":1,"extra":{"e":1}})"},
        {"exclude_fields=list/y,deep,absent/x",
         R"({"id":"a","n":1,"text":"t","list":[{"x":1}],"extra":{"e":1}})"},
        {"exclude_default&fields=extra",
         R"({"id":"a","n":1,"text":"t","list":[{"x":1,"y":{"z":2}}],"extra":{"e":1},
             "deep":{"little":1}})"},
        {"exclude_default&fields=deep",
         R"({"id":"a","n":1,"text":"t","list":[{"x":1,"y":{"z":2}}],
             "deep":{"much":[1],"little":1}})"},
    }));

TEST(ListReply, NamesTheWrongParameter) {
  std::string many = "fields=a";
  for (size_t i = 0; i < kMaxSelectedFields; ++i) many += ",a";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"filter=(eq,a", "filter: at octet"},
      {"filter=(eq,a,1)&filter=(eq,a,1)", "filter: may be given only once"},
      {"fields=", "fields: an attribute name is empty"},
      {"fields=a,,b", "fields: an attribute name is empty"},
      {"exclude_fields=a/~", "exclude_fields: in attribute names"},
      {"exclude_fields=id", "exclude_fields: id is always there"},
      {"all_fields=no", "all_fields: takes no value"},
      {"exclude_default=1", "exclude_default: takes no value"},
      {"all_fields&fields=a", "all_fields: cannot stand beside"},
      {"all_fields&exclude_fields=a", "all_fields: cannot stand beside"},
      {"all_fields&exclude_default", "all_fields: cannot stand beside"},
      {"fields=a&exclude_fields=b", "exclude_fields: cannot stand beside"},
      {"exclude_default&exclude_fields=b", "exclude_fields: cannot stand beside"},
      {"nextpage_opaque_marker=", "nextpage_opaque_marker: was not given out"},
      {"nextpage_opaque_marker=6", "nextpage_opaque_marker: was not given out"},
      {"nextpage_opaque_marker=6g", "nextpage_opaque_marker: was not given out"},
      {many, "fields: lists more than 64 attributes"},
  };
  for (const auto& [query, detail] : cases) {
    const auto response = list_reply(get(query), {one()}, options());
    EXPECT_EQ(response.status, 400) << query;
    EXPECT_THAT(json::parse(response.body)["detail"].get<std::string>(), HasSubstr(detail));
  }
}

std::vector<json> numbered(const std::vector<std::string>& ids) {
  std::vector<json> out;
  for (const auto& id : ids) out.push_back({{"id", id}, {"odd", id.back() % 2 == 1}});
  return out;
}

std::string ids_of(const http::Response& response) {
  std::string out;
  for (const auto& item : json::parse(response.body)) out += item["id"].get<std::string>() + " ";
  return out;
}

// The query of the next page, or nothing.
std::string next_of(const http::Response& response) {
  const std::string link(response.headers.get("Link").value_or(""));
  if (link.empty()) return {};
  EXPECT_TRUE(link.starts_with("</x/v1/items?") && link.ends_with(">; rel=\"next\"")) << link;
  return link.substr(13, link.find('>') - 13);
}

TEST(ListReply, LeadsThroughItsPages) {
  const auto items = numbered({"5", "3", "1", "4", "2"});
  auto response = list_reply(get("", 2), items, options());
  EXPECT_EQ(ids_of(response), "1 2 ");
  response = list_reply(get(next_of(response), 2), items, options());
  EXPECT_EQ(ids_of(response), "3 4 ");
  response = list_reply(get(next_of(response), 2), items, options());
  EXPECT_EQ(ids_of(response), "5 ");
  EXPECT_EQ(next_of(response), "");
}

TEST(ListReply, HasNoNextPageAfterAFullLastOne) {
  EXPECT_EQ(next_of(list_reply(get("", 2), numbered({"1", "2"}), options())), "");
  EXPECT_EQ(next_of(list_reply(get("filter=(eq,odd,true)", 2), numbered({"1", "2", "3", "4"}),
                               options())),
            "");
}

TEST(ListReply, KeepsItsPlaceWhenItemsComeAndGo) {
  const auto first = list_reply(get("", 2), numbered({"b", "d", "f", "h"}), options());
  EXPECT_EQ(ids_of(first), "b d ");
  // "d", where the page ended, is gone; "a", "c" and "g" are new.
  const auto second =
      list_reply(get(next_of(first), 2), numbered({"a", "b", "c", "f", "g", "h"}), options());
  EXPECT_EQ(ids_of(second), "f g ");
}

TEST(ListReply, KeepsFilterAndSelectorsInTheLink) {
  const auto items = numbered({"1", "2", "3", "4", "5"});
  const auto first =
      list_reply(get("filter=(in,odd,true,'%26=+')&fields=odd", 2), items, options());
  EXPECT_EQ(ids_of(first), "1 3 ");
  const auto query = next_of(first);
  EXPECT_EQ(http::Query::parse(query).value().get("filter"), "(in,odd,true,'&= ')");
  EXPECT_EQ(ids_of(list_reply(get(query, 2), items, options())), "5 ");
}

TEST(ListPage, StopsAskingWhenItIsFull) {
  const auto request = get("nextpage_opaque_marker=" + page_marker("b"), 1);
  auto page = ListPage::begin(request, options());
  ASSERT_TRUE(page);
  EXPECT_EQ(page->after(), "b");
  EXPECT_TRUE(page->add("a", {{"id", "a"}}));
  EXPECT_TRUE(page->add("b", {{"id", "b"}}));
  EXPECT_TRUE(page->add("c", {{"id", "c"}}));
  EXPECT_FALSE(page->add("d", {{"id", "d"}}));
  EXPECT_EQ(ids_of(page->reply()), "c ");
}

http::Response page_of_texts(const Request& request, const std::vector<json>& items) {
  auto page = ListPage::begin(request, {.id_member = "id"});
  for (const auto& item : items) {
    if (!page->add_text(item["id"].get<std::string>(), item.dump())) break;
  }
  return page->reply();
}

TEST(ListPage, TakesTextsAsItTakesValues) {
  auto items = numbered({"1", "2", "3", "4", "5"});
  items[4]["list"] = {{{"x", 1}}};
  for (const auto* query : {"", "filter=(eq,odd,true)", "fields=odd", "exclude_fields=odd",
                            "filter=(eq,list/x,1)", "filter=(eq,id,9)"}) {
    const auto response = page_of_texts(get(query, 2), items);
    const auto wanted = list_reply(get(query, 2), items, {.id_member = "id"});
    EXPECT_EQ(json::parse(response.body), json::parse(wanted.body)) << query;
    ASSERT_EQ(next_of(response).empty(), next_of(wanted).empty()) << query;
    if (next_of(wanted).empty()) continue;
    EXPECT_EQ(json::parse(page_of_texts(get(next_of(response), 2), items).body),
              json::parse(list_reply(get(next_of(wanted), 2), items, {.id_member = "id"}).body));
  }
}

TEST(ListPage, EndsWhenItHasCostEnoughAndLeadsOn) {
  std::vector<json> items;
  for (const auto* id : {"1", "2", "3", "4"}) {
    items.push_back({{"id", id}, {"text", std::string(ListPage::kMaxOctets - 100, 'x')}});
  }
  auto response = page_of_texts(get(""), items);  // the second one passes the bound
  EXPECT_EQ(ids_of(response), "1 2 ");
  response = page_of_texts(get(next_of(response)), items);
  EXPECT_EQ(ids_of(response), "3 4 ");
  EXPECT_EQ(next_of(response), "");

  const std::string filter = "filter=(eq,id,4)";
  response = page_of_texts(get(filter), items);
  EXPECT_EQ(ids_of(response), "");
  response = page_of_texts(get(next_of(response)), items);
  EXPECT_EQ(ids_of(response), "4 ");
  EXPECT_EQ(next_of(response), "");
}

TEST(ListPage, MayBeAMemberOfAnObject) {
  const auto request = get("");
  auto page = ListPage::begin(request, options());
  page->add_text("a", R"({"id":"a"})");
  EXPECT_EQ(page->reply("all").body, R"({"all":[{"id":"a"}]})");
}

}  // namespace
}  // namespace sluice::rest
