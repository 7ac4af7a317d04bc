// SPDX-License-Identifier: Apache-2.0
#include "hub/client/hub_greeting.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hallway::hub {
namespace {

TEST(server_info, finds_what_concerns_a_client_among_everything_else) {
  const auto info = ServerInfo::parse(
      R"({"server_id":"N\"}{","tls":{"max_payload":1,"a":[{"headers":false}]}, "headers" : true ,)"
      R"("urls":["[::1]:4222","x"],"max_payload":123,"proto":1,"none":null,"cold":-1.5e3})");
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->headers);
  EXPECT_EQ(info->max_payload, 123U);
}

TEST(server_info, takes_safe_defaults_for_missing_members) {
  for (const char* text : {"{}", " { } ", R"({"headers":false,"max_payload":-1})"}) {
    const auto info = ServerInfo::parse(text);
    ASSERT_TRUE(info) << text;
    EXPECT_FALSE(info->headers);
    EXPECT_EQ(info->max_payload, SIZE_MAX);
  }
}

TEST(server_info, is_an_object) {
  for (const char* text :
       {"", "[]", "{", R"({"a")", R"({"a":)", R"({"a":1)", R"({"a":1,})", R"({"a":"b)",
        R"({"a":{})", R"({"a":]})", R"({a:1})", "{} {}", "{\"a\":\"\\"}) {
    EXPECT_FALSE(ServerInfo::parse(text)) << text;
  }
}

TEST(server_info, distinguishes_a_hallway_hub_from_another_server) {
  EXPECT_TRUE(ServerInfo::parse(R"({"hallway":"0.1.0"})")->hallway);
  EXPECT_FALSE(ServerInfo::parse(R"({"version":"2.9.10"})")->hallway);
}

TEST(match_count, has_both_numbers) {
  const auto count = parse_match_count(R"({"subscriptions":2,"links":1,"more":"x"})");
  ASSERT_TRUE(count);
  EXPECT_EQ(count->subscriptions, 2U);
  EXPECT_EQ(count->links, 1U);
  for (const char* text :
       {"", "{}", R"({"subscriptions":2})", R"({"links":2})", R"({"subscriptions":"2","links":-1})",
        R"({"subscriptions":2,"links":1)"}) {
    EXPECT_FALSE(parse_match_count(text)) << text;
  }
}

TEST(greeting, carries_any_name) {
  const std::string text = greeting_of({.name = "a\"b\\c\n"});
  EXPECT_NE(text.find(R"("name":"a\"b\\c\u000a"})"), std::string::npos) << text;
  const std::string bytes = greeting_of({.name = "\xff", .link = "\xfe"});
  EXPECT_NE(bytes.find(R"("link":"\\xfe")"), std::string::npos) << bytes;
  EXPECT_NE(bytes.find(R"("name_base64":"/w=="})"), std::string::npos) << bytes;
}

}  // namespace
}  // namespace hallway::hub
