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

TEST(server_info, takes_the_safe_side_of_what_is_not_said) {
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

TEST(greeting, carries_any_name) {
  const std::string text = greeting_of({.name = "a\"b\\c\n"});
  EXPECT_NE(text.find(R"("name":"a\"b\\c\u000a"})"), std::string::npos) << text;
  const std::string bytes = greeting_of({.name = "\xff", .link = "\xfe"});
  EXPECT_NE(bytes.find(R"("link":"\\xfe")"), std::string::npos) << bytes;
  EXPECT_NE(bytes.find(R"("name_base64":"/w=="})"), std::string::npos) << bytes;
}

}  // namespace
}  // namespace hallway::hub
