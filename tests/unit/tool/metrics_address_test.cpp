// SPDX-License-Identifier: Apache-2.0
#include "tool/metrics_address.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hallway::tool {

namespace {

std::string written(std::string_view text) {
  const auto address = read_metrics_address(text);
  return address ? write_metrics_address(*address) : "not read: " + address.error().why;
}

TEST(MetricsAddress, an_ip_address_with_a_port_is_tcp) {
  EXPECT_EQ(written("127.0.0.1:9464"), "tcp:127.0.0.1:9464");
  EXPECT_EQ(written("tcp:0.0.0.0:0"), "tcp:0.0.0.0:0");
  EXPECT_EQ(written("[::1]:65535"), "tcp:[::1]:65535");
}

TEST(MetricsAddress, anything_else_is_where_a_unix_socket_may_be) {
  EXPECT_EQ(written("./127.0.0.1:9464"), "unix:./127.0.0.1:9464");
  EXPECT_EQ(written("127.0.0.1:65536"), "unix:127.0.0.1:65536");
  EXPECT_EQ(written("1.2.3:80"), "unix:1.2.3:80");
  EXPECT_EQ(written("127.0.0.1"), "unix:127.0.0.1");
  EXPECT_EQ(written("/run/m"), "unix:/run/m");
  EXPECT_EQ(written("@m"), "abstract:m");
}

TEST(MetricsAddress, who_says_tcp_must_mean_it) {
  for (const char* text : {"tcp:localhost:80", "tcp:127.0.0.1", "tcp:127.0.0.1:", "tcp::80",
                           "tcp:[]:80", "tcp:127.0.0.1:8x"}) {
    EXPECT_EQ(written(text), "not read: not an IP address and a port, as in tcp:127.0.0.1:9464")
        << text;
  }
  EXPECT_EQ(written("exec:cat"), "not read: only a client can start the program it talks to");
  EXPECT_EQ(written("").substr(0, 10), "not read: ");
}

}  // namespace

}  // namespace hallway::tool
