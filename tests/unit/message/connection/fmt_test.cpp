// SPDX-License-Identifier: Apache-2.0
//
// The formatters for fmt, where that is installed. From its headers alone: the library and its
// tests are not linked with it.
#if __has_include(<fmt/format.h>)

#define FMT_HEADER_ONLY
#include <hallway/fmt.hpp>

#include <gtest/gtest.h>

#include <hallway/bytes.hpp>
#include <hallway/message.hpp>

namespace hallway {
namespace {

TEST(message_in_fmt, is_formatted_as_a_string_and_escaped) {
  EXPECT_EQ(fmt::format("got {}", Message("bytes")), "got bytes");
  EXPECT_EQ(fmt::format("{:>4}|{:.2}", Message("x"), Message("long")), "   x|lo");
  EXPECT_EQ(fmt::format("{}", Message("\x1b[2J")), printable("\x1b[2J"));
}

TEST(datagram_in_fmt, is_formatted_as_a_message) {
  EXPECT_EQ(fmt::format("<{}>", Datagram()), "<>");
}

TEST(server_event_in_fmt, is_formatted_as_its_line) {
  const ServerEvent event{ServerEvent::Kind::accepting_resumed, 0, {}, "", {}};
  EXPECT_EQ(fmt::format("{}", event), to_string(event));
  const PathEvent path{PathEvent::Kind::regained, {}, ""};
  EXPECT_EQ(fmt::format("{}", path), to_string(path));
}

}  // namespace
}  // namespace hallway

#endif
