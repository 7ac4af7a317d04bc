// SPDX-License-Identifier: Apache-2.0
#include "sys/control.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>

#include <cstring>
#include <string>

namespace hallway::sys {
namespace {

/// One item as the macros of cmsg(3) lay it out, but with any length in its header.
std::string item(int type, const std::string& payload, std::size_t length) {
  std::string bytes(CMSG_SPACE(payload.size()), '\0');
  cmsghdr header{};
  header.cmsg_len = length;
  header.cmsg_level = SOL_SOCKET;
  header.cmsg_type = type;
  std::memcpy(bytes.data(), &header, sizeof header);
  payload.copy(bytes.data() + CMSG_LEN(0), payload.size());
  return bytes;
}

std::string item(int type, const std::string& payload) {
  return item(type, payload, CMSG_LEN(payload.size()));
}

TEST(control_item, is_given_one_by_one_with_its_payload) {
  const std::string both = item(SCM_RIGHTS, "12345") + item(SCM_CREDENTIALS, "") + item(7, "x");
  ByteView control = both;
  const auto rights = next_control_item(control);
  ASSERT_TRUE(rights);
  EXPECT_EQ(rights->level, SOL_SOCKET);
  EXPECT_EQ(rights->type, SCM_RIGHTS);
  EXPECT_EQ(rights->payload, "12345");
  EXPECT_EQ(next_control_item(control)->payload, "");
  EXPECT_EQ(next_control_item(control)->type, 7);
  EXPECT_FALSE(next_control_item(control));
}

TEST(control_item, is_whole_without_the_padding_behind_the_last_one) {
  const std::string bytes = item(SCM_RIGHTS, "1234");
  ByteView control = ByteView(bytes).substr(0, CMSG_LEN(4));
  EXPECT_EQ(next_control_item(control)->payload, "1234");
  EXPECT_TRUE(control.empty());
}

TEST(control_item, is_none_where_the_header_is_not_whole) {
  const std::string bytes = item(SCM_RIGHTS, "");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ByteView control = ByteView(bytes).substr(0, size);
    EXPECT_FALSE(next_control_item(control)) << size;
  }
}

TEST(control_item, is_none_where_its_length_is_below_a_header_or_beyond_the_end) {
  for (const std::size_t length : {std::size_t{0}, CMSG_LEN(0) - 1, CMSG_LEN(9), SIZE_MAX - 3}) {
    const std::string bytes = item(SCM_RIGHTS, "12345678", length);
    ByteView control = bytes;
    EXPECT_FALSE(next_control_item(control)) << length;
  }
}

}  // namespace
}  // namespace hallway::sys
