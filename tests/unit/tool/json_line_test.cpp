// SPDX-License-Identifier: Apache-2.0
#include "tool/io/json_line.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace hallway::tool {

namespace {

using Json = nlohmann::ordered_json;

TEST(JsonLine, escapes_once_and_is_ascii) {
  const std::string right_to_left{'\xe2', '\x80', '\xae'};  // U+202E
  EXPECT_EQ(json_line({{"subject", "a\x01\tb\\x01\u00e9" + right_to_left + "\x7f"}}),
            "{\"subject\":\"a\\u0001\\tb\\\\x01\\u00e9\\u202e\\u007f\"}\n");
}

TEST(JsonLine, what_is_not_utf8_has_another_name_and_loses_no_byte) {
  EXPECT_EQ(json_line({{"event", "error"}, {"why", std::string("\xff\xfe")}, {"exit", 1}}),
            "{\"event\":\"error\",\"why_base64\":\"//4=\",\"exit\":1}\n");
}

TEST(JsonLine, the_same_inside_of_objects_and_lists) {
  EXPECT_EQ(json_line({{"peer", {{"pid", 1}, {"process", std::string("\xff")}}}}),
            "{\"peer\":{\"pid\":1,\"process_base64\":\"/w==\"}}\n");
  EXPECT_EQ(json_line({{"words", {"a", std::string("\xff")}}}),
            "{\"words_base64\":[\"YQ==\",\"/w==\"]}\n");
}

}  // namespace

}  // namespace hallway::tool
