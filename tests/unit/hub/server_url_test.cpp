// SPDX-License-Identifier: Apache-2.0
#include <hallway/server_url.hpp>

#include <gtest/gtest.h>

#include <string>

namespace hallway {
namespace {

ServerUrl read(const std::string& text) {
  auto url = ServerUrl::parse(text);
  EXPECT_TRUE(url) << text << ": " << url.error().explain();
  return url ? *url : ServerUrl();
}

TEST(server_url, names_a_host_and_a_port) {
  const ServerUrl plain = read("nats://10.0.0.1");
  EXPECT_FALSE(plain.tls);
  EXPECT_EQ(plain.host, "10.0.0.1");
  EXPECT_EQ(plain.port, 4222);
  const ServerUrl secure = read("tls://a-b.example_c.:65535/");
  EXPECT_TRUE(secure.tls);
  EXPECT_EQ(secure.host, "a-b.example_c.");
  EXPECT_EQ(secure.port, 65535);
  const ServerUrl v6 = read("nats://[::1]:1");
  EXPECT_EQ(v6.host, "::1");
  EXPECT_EQ(v6.to_string(), "nats://[::1]:1");
  EXPECT_EQ(read("nats://[fe80::1]").port, 4222);
}

TEST(server_url, decodes_what_stands_before_the_at) {
  const ServerUrl url = read("nats://m%40e:p%40:s%2Fs%25%c3%a4@h:1");
  EXPECT_EQ(url.user, "m@e");
  EXPECT_EQ(url.password, "p@:s/s%\xC3\xA4");
  EXPECT_EQ(url.to_string(), "nats://h:1");
  EXPECT_EQ(url.with_secrets(), "nats://m@e:p@:s/s%\xC3\xA4@h:1");
  EXPECT_EQ(read("nats://token@h").with_secrets(), "nats://token@h:4222");
}

TEST(server_url, refuses_what_no_server_can_have_and_shows_no_secret) {
  for (const char* text : {"",
                           "nats:",
                           "nats://",
                           "nats:///",
                           "NATS://a",
                           "http://a",
                           "a:1",
                           "nats://a:",
                           "nats://a:0",
                           "nats://a:65536",
                           "nats://a:99999999999",
                           "nats://a:-1",
                           "nats://a:+1",
                           "nats://a:1 ",
                           "nats://a:1,b:2",
                           "nats://a,b",
                           "nats://a b",
                           "nats://-",
                           "nats://-a",
                           "nats://a-.b:1",
                           "nats://a.-",
                           "nats://.",
                           "nats://.a",
                           "nats://a..b",
                           "nats://a..",
                           "nats:// a",
                           "nats://a\n",
                           "nats://.a",
                           "nats://a..b",
                           "nats://1.2.3",
                           "nats://1.2.3.400",
                           "nats://123",
                           "nats://::1",
                           "nats://[::1",
                           "nats://[::1]1",
                           "nats://[]",
                           "nats://[1.2.3.4]",
                           "nats://[::g]",
                           "nats://a/b",
                           "nats://a:1/b",
                           "nats://a?b",
                           "nats://a#b",
                           "nats://@a",
                           "nats://:secret@a",
                           "nats://me:@a",
                           "nats://me:secret@",
                           "nats://me:secret@:1",
                           "nats://me:secr@et@a",
                           "nats://me:secr/et@a",
                           "nats://me:secr et@a",
                           "nats://me:secret%@a",
                           "nats://me:secret%4@a",
                           "nats://me:secret%4g@a",
                           "nats://me:secret%00@a",
                           "nats://me:secret%22@a",
                           "nats://me:secret%5C@a",
                           "nats://me%3A:secret@a",
                           "nats://me:secret@a:1,nats://me:secret@b:2"}) {
    const auto url = ServerUrl::parse(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, std::errc::invalid_argument) << text;
    EXPECT_EQ(url.error().explain().find("secr"), std::string::npos) << url.error().explain();
    EXPECT_FALSE(url.error().reason.empty());
  }
  EXPECT_FALSE(ServerUrl::parse("nats://" + std::string(300, 'a')));
}

TEST(server_url, has_a_host_whose_name_is_as_long_as_dns_allows) {
  const std::string label(63, 'a');
  const std::string longest = label + '.' + label + '.' + label + '.' + std::string(61, 'a');
  for (const std::string& host :
       {label, label + ".b", longest, longest + '.', std::string("a-b_c.")}) {
    EXPECT_TRUE(ServerUrl::parse("nats://" + host)) << host;
  }
  for (const std::string& host : {label + 'a', "b." + label + 'a', longest + 'a', longest + "a."}) {
    EXPECT_FALSE(ServerUrl::parse("nats://" + host)) << host;
  }
}

TEST(server_url, is_shown_without_its_secrets_whether_valid_or_not) {
  EXPECT_EQ(ServerUrl::without_secrets("nats://me:s@cret@a:1"), "nats://a:1");
  EXPECT_EQ(ServerUrl::without_secrets("me:secret@a"), "a");
  EXPECT_EQ(ServerUrl::without_secrets("nats://a"), "nats://a");
}

}  // namespace
}  // namespace hallway
