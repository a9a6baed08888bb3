#include "base/json_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace sluice {
namespace {

using nlohmann::json;

// The same value as another parser knows it.
json copy_of(const JsonNode& node) {
  using Kind = JsonNode::Kind;
  switch (node.kind()) {
    case Kind::kNull:
      return nullptr;
    case Kind::kBoolean:
      return node.flag();
    case Kind::kInteger:
    case Kind::kReal:
      return json::parse(node.number_text());
    case Kind::kString:
      return std::string(node.text());
    case Kind::kArray: {
      json out = json::array();
      const JsonNode* element = node.first();
      for (size_t i = 0; i < node.size(); ++i, element = element->next()) {
        out.push_back(copy_of(*element));
      }
      return out;
    }
    case Kind::kObject:
      break;
  }
  json out = json::object();
  const JsonNode* name = node.first();
  for (size_t i = 0; i < node.size(); ++i, name = name->next()->next()) {
    out[std::string(name->text())] = copy_of(*name->next());
  }
  return out;
}

void expect_same(const std::string& text) {
  const json wanted = json::parse(text, nullptr, false);
  const auto read = JsonText::parse(text);
  ASSERT_EQ(read.has_value(), !wanted.is_discarded()) << text;
  if (read) {
    EXPECT_EQ(copy_of(read->root()), wanted) << text;
  }
}

TEST(JsonText, reads_what_another_parser_reads_and_refuses_what_it_refuses) {
  for (const char* text :
       {"null", " true ", "[false]", "0", "-0", "12", "-7", "1.5", "-2e3", "1E+2",
        "9223372036854775807", "9223372036854775808", "18446744073709551615",
        "18446744073709551616", "-9223372036854775808", "-9223372036854775809", "1e-400", "\"\"",
        "\"a b\"", R"("\"\\\/\b\f\n\r\t")", R"("\u0041\u00e4\u20ac")", R"("x\ud83d\ude00y")",
        "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"", "[]", "{}", "[1,[2,{}],\"3\"]",
        R"({"a":1,"b":{"c":[true,null]},"a":2})", "\t{\n\"a\" :\r1 }",
        // No JSON.
        "", " ", "nul", "truefalse", "01", "-", "1.", ".5", "1e", "1e999", "+1", "0x1", "\"",
        "\"\n\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800x\"", "\"\\udc00\"",
        "\"\\ud800\\u0041\"", "\"\x80\"", "\"\xc3\"", "\"\xe0\x80\x80\"", "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"", "\"\xf5\x80\x80\x80\"", "\"\xc1\x81\"", "[1,]", "[,1]", "[1 2]",
        "[", "{", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "1 2", "[}"}) {
    expect_same(text);
  }
}

TEST(JsonText, agrees_with_another_parser_on_damaged_documents) {
  const std::string whole =
      R"({"key":"app/r1","order":12,"rule":{"list":["203.0.113.0/24",-1.5e2],"t":"\u00e4\n","n":null,"b":[true,{}]}})";
  std::mt19937 chance(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = whole;
    for (auto changes = 1 + chance() % 3; changes > 0; --changes) {
      const char random = static_cast<char>(chance() % 128);
      text[chance() % text.size()] = chance() % 2 == 0 ? random : whole[chance() % whole.size()];
    }
    expect_same(text);
  }
}

TEST(JsonText, finds_the_last_member_of_a_name) {
  const auto read = JsonText::parse(R"({"a":1,"b":[{"a":5}],"a":2})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->root().find("a")->integer(), 2);
  EXPECT_EQ(read->root().find("b")->size(), 1U);
  EXPECT_EQ(read->root().find("c"), nullptr);
}

TEST(JsonText, bounds_its_depth) {
  const std::string open(JsonText::kMaxDepth, '[');
  const std::string closed(JsonText::kMaxDepth, ']');
  EXPECT_TRUE(JsonText::parse(open + closed));
  EXPECT_FALSE(JsonText::parse("[" + open + closed + "]"));
  EXPECT_FALSE(JsonText::parse(std::string(1'000'000, '[')));
}

}  // namespace
}  // namespace sluice
