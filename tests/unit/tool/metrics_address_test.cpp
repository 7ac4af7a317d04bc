// SPDX-License-Identifier: Apache-2.0
#include "tool/hub/metrics_address.hpp"

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

TEST(MetricsAddress, a_path_looks_like_one) {
  EXPECT_EQ(written("./127.0.0.1:9464"), "unix:./127.0.0.1:9464");
  EXPECT_EQ(written("unix:127.0.0.1:9464"), "unix:127.0.0.1:9464");
  EXPECT_EQ(written("unix:m"), "unix:m");
  EXPECT_EQ(written("/run/m"), "unix:/run/m");
  EXPECT_EQ(written("run/m"), "unix:run/m");
  EXPECT_EQ(written("/run/9464"), "unix:/run/9464");
  EXPECT_EQ(written("m.sock"), "unix:m.sock");
  EXPECT_EQ(written("@m"), "abstract:m");
  EXPECT_EQ(written("@9464"), "abstract:9464");
  EXPECT_EQ(written("abstract:9464"), "abstract:9464");
  EXPECT_EQ(written("fd:3"), "fd:3");
  EXPECT_EQ(written("activation:80"), "activation:80");
}

TEST(MetricsAddress, what_was_meant_for_tcp_becomes_no_file) {
  for (const char* text : {":9464",
                           "*:9464",
                           "0:9464",
                           "localhost:9464",
                           "Host.example:9464",
                           "9464",
                           "0.0.0.0",
                           "1.2.3:80",
                           "127.0.0.1",
                           "127.0.0.1:65536",
                           "127.0.0.1:99999999999999999999",
                           "300.1.1.1:80",
                           "::1:9464",
                           "::1",
                           "[::1]",
                           "[::1]:",
                           "[::1]:65536",
                           "[::g]:80",
                           "[fe80::1%lo]:80",
                           "127.0.0.1:9464/metrics",
                           ":9464/metrics",
                           "9464/tcp",
                           "metrics",
                           "127.0.0.1:",
                           "127.0.0.1:http",
                           "-1",
                           "0x1:1"}) {
    EXPECT_EQ(written(text).substr(0, 10), "not read: ") << text;
  }
}

TEST(MetricsAddress, an_error_shows_what_to_write_instead) {
  const auto refused = [](std::string_view text) { return read_metrics_address(text).error(); };
  EXPECT_EQ(refused(":9464").why, "a port needs a numeric IP address before it");
  EXPECT_EQ(refused("127.0.0.1:99999").why, "a port is at most 65535");
  EXPECT_EQ(refused("0.0.0.0").why, "an IP address without a port");
  EXPECT_EQ(refused("9464").why, "a port alone");
  EXPECT_EQ(refused("::1:9464").why, "an IPv6 address with a port is written [ADDRESS]:PORT");
  EXPECT_NE(refused(":9464").hint.find("127.0.0.1:9464"), std::string::npos);
  EXPECT_NE(refused("metrics").hint.find("./metrics"), std::string::npos);
}

TEST(MetricsAddress, a_tcp_scheme_requires_an_ip_address) {
  for (const char* text : {"tcp:localhost:80", "tcp:127.0.0.1", "tcp:127.0.0.1:", "tcp::80",
                           "tcp:[]:80", "tcp:127.0.0.1:8x"}) {
    EXPECT_EQ(written(text), "not read: not an IP address and a port, as in tcp:127.0.0.1:9464")
        << text;
  }
  EXPECT_EQ(written("exec:cat"), "not read: only a client can start a program");
  EXPECT_EQ(written("").substr(0, 10), "not read: ");
}

}  // namespace

}  // namespace hallway::tool
