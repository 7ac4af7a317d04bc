// SPDX-License-Identifier: Apache-2.0
#include "tool/hub/http_request.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace hallway::tool {

namespace {

using State = HttpRequestHead::State;

/// The head of all of `text`, given in pieces of `size` bytes.
HttpRequestHead head_of(std::string_view text, std::size_t size) {
  HttpRequestHead head;
  for (; !text.empty(); text.remove_prefix(std::min(size, text.size()))) {
    head.take(text.substr(0, size));
  }
  return head;
}

TEST(HttpRequestHead, ends_at_the_first_empty_line_however_it_is_cut) {
  for (const std::size_t size : {1U, 2U, 3U, 1000U}) {
    for (const std::string_view text :
         {"GET /metrics HTTP/1.1\r\nHost: hub\r\n\r\nand more", "GET /metrics HTTP/1.1\n\n",
          "GET /metrics HTTP/1.1\nHost: \r\r\n\r\n"}) {
      const HttpRequestHead head = head_of(text, size);
      EXPECT_EQ(head.state(), State::whole) << text << size;
      EXPECT_EQ(head.first_line(), "GET /metrics HTTP/1.1") << text << size;
    }
    EXPECT_EQ(head_of("GET /metrics HTTP/1.1\r\nHost: hub\r\n", size).state(), State::unfinished);
    EXPECT_EQ(head_of("GET / HTTP/1.1\r\n\r\r\n", size).state(), State::unfinished);
  }
}

TEST(HttpRequestHead, bounds_a_line_and_the_lines) {
  const std::string longest(HttpRequestHead::max_line, 'x');
  for (const std::size_t size : {7U, 100'000U}) {
    EXPECT_EQ(head_of(longest + "\r\n\r\n", size).first_line(), longest);
    EXPECT_EQ(head_of(longest + "xx", size).state(), State::line_too_long);
    EXPECT_EQ(head_of("GET\n" + longest + "\r\n\n", size).state(), State::whole);
    EXPECT_EQ(head_of("GET\n" + longest + "xx\n\n", size).state(), State::line_too_long);
    std::string lines;
    for (std::size_t i = 1; i < HttpRequestHead::max_lines; ++i) lines += "x: y\r\n";
    EXPECT_EQ(head_of(lines + "\r\n", size).state(), State::whole);
    EXPECT_EQ(head_of(lines + "x: y\r\n", size).state(), State::too_many_lines);
  }
}

TEST(HttpTarget, is_the_method_and_the_path_without_its_query) {
  const auto read = [](std::string_view line) {
    const HttpTarget target = read_http_target(line);
    return std::string(target.method) + "|" + std::string(target.path);
  };
  EXPECT_EQ(read("GET /metrics HTTP/1.1"), "GET|/metrics");
  EXPECT_EQ(read("HEAD /metrics?a=b?c HTTP/1.0"), "HEAD|/metrics");
  EXPECT_EQ(read("GET"), "GET|");
  EXPECT_EQ(read(""), "|");
  EXPECT_EQ(read(" /metrics"), "|/metrics");
}

}  // namespace

}  // namespace hallway::tool
