// SPDX-License-Identifier: Apache-2.0
#include "hub/json.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hallway::hub {
namespace {

struct Read {
  std::vector<std::string> members;
  bool valid = false;
};

Read read(std::string_view text) {
  JsonReader reader(text);
  Read all;
  while (const JsonMember* member = reader.next()) {
    all.members.push_back(std::string(member->name) + '=' + std::string(member->value));
  }
  all.valid = reader.valid();
  return all;
}

TEST(json, reads_members_of_each_kind) {
  const Read all = read(
      " { \"n\" : null, \"b\":true,\"i\":-1.5e+3 ,\"s\":\"a\\\"\\u00e4\" ,"
      "\"a\":[1,[],{}, \"]\"],\"o\":{\"x\":{\"y\":[{}]},\"z\":0} } ");
  EXPECT_TRUE(all.valid);
  EXPECT_EQ(all.members,
            (std::vector<std::string>{"n=null", "b=true", "i=-1.5e+3", "s=a\\\"\\u00e4",
                                      "a=[1,[],{}, \"]\"]", "o={\"x\":{\"y\":[{}]},\"z\":0}"}));
  JsonReader reader("{\"a\":[],\"o\":{},\"s\":\"\",\"n\":null,\"b\":false,\"i\":0}");
  for (const JsonKind kind : {JsonKind::array, JsonKind::object, JsonKind::string, JsonKind::null,
                              JsonKind::boolean, JsonKind::number}) {
    const JsonMember* member = reader.next();
    ASSERT_NE(member, nullptr);
    EXPECT_EQ(member->kind, kind) << member->name;
  }
}

TEST(json, takes_an_empty_object_and_null) {
  for (const char* empty : {"{}", " { } ", "null", " null\t"}) {
    EXPECT_TRUE(read(empty).valid) << empty;
    EXPECT_TRUE(read(empty).members.empty()) << empty;
  }
}

TEST(json, rejects_what_is_not_an_object) {
  for (const char* wrong : {"",
                            " ",
                            "{",
                            "}",
                            "[]",
                            "1",
                            "\"a\"",
                            "nul",
                            "nullx",
                            "{}x",
                            "{}{}",
                            "{\"a\"}",
                            "{\"a\":}",
                            "{\"a\":1,}",
                            "{,}",
                            "{\"a\":1 \"b\":2}",
                            "{a:1}",
                            "{\"a\":01}",
                            "{\"a\":1.}",
                            "{\"a\":.5}",
                            "{\"a\":-}",
                            "{\"a\":1e}",
                            "{\"a\":+1}",
                            "{\"a\":tru}",
                            "{\"a\":\"x}",
                            "{\"a\":\"\\x\"}",
                            "{\"a\":\"\\u12g4\"}",
                            "{\"a\":\"\\u12",
                            "{\"a\":\"\n\"}",
                            "{\"a\":[1,]}",
                            "{\"a\":[1}",
                            "{\"a\":[1}]",
                            "{\"a\":{\"b\"}}",
                            "{\"a\":{\"b\":1,}}",
                            "{\"a\":{1:2}}",
                            "{\"a\":[,1]}",
                            "{\"a\":[1 2]}",
                            "{\"a\":\"\\"}) {
    EXPECT_FALSE(read(wrong).valid) << wrong;
  }
}

TEST(json, goes_only_so_deep) {
  const auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(read(nested(JsonReader::deepest)).valid);
  EXPECT_FALSE(read(nested(JsonReader::deepest + 1)).valid);
  EXPECT_FALSE(read(nested(1'000'000)).valid);
}

TEST(json, writes_what_it_can_read) {
  EXPECT_EQ(JsonObject().text(), "{}");
  const std::string text = JsonObject()
                               .add("word", "a \"quoted\" \\ \n\x01")
                               .add("number", std::uint64_t{18'446'744'073'709'551'615U})
                               .add("yes", true)
                               .text();
  EXPECT_TRUE(read(text).valid) << text;
  EXPECT_EQ(text,
            R"({"word":"a \"quoted\" \\ \u000a\u0001","number":18446744073709551615,"yes":true})");
}

TEST(json, escapes_text_once_and_in_ascii) {
  EXPECT_EQ(JsonObject().add("a", "\\x01 \x7f \u00e9 \u2028 \uffff \U0001f3e8").text(),
            R"({"a":"\\x01 \u007f \u00e9 \u2028 \uffff \ud83c\udfe8"})");
}

TEST(json, names_bytes_that_are_not_text_as_base64) {
  EXPECT_EQ(JsonObject().add("name", "unix:/\xff").text(), R"({"name_base64":"dW5peDov/w=="})");
}

}  // namespace
}  // namespace hallway::hub
