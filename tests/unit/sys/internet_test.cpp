// SPDX-License-Identifier: Apache-2.0
#include "sys/internet.hpp"

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "support/raw_socket.hpp"
#include "support/raw_tcp.hpp"
#include "sys/socket.hpp"

namespace hallway::sys {
namespace {

using namespace test;

int option(const Descriptor& socket, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  ::getsockopt(socket.get(), level, name, &value, &size);
  return value;
}

TEST(an_internet_address, is_read_and_written_in_its_numeric_form_only) {
  for (const std::string host : {"127.0.0.1", "10.1.2.255", "::1", "fe80::1", "::"}) {
    const auto address = read_internet_address(host, 4222);
    ASSERT_TRUE(address) << host;
    EXPECT_EQ(address->host_text(), host);
    EXPECT_EQ(address->port, 4222);
    EXPECT_EQ(address->v6, host.contains(':'));
  }
  for (const std::string& host :
       {std::string("localhost"), std::string("127.1"), std::string(), std::string("[::1]"),
        std::string("127.0.0.1\0x", 11), std::string("fe80::1%lo"), std::string("127.0.0.256")}) {
    EXPECT_FALSE(read_internet_address(host, 1)) << host;
  }
}

TEST(an_internet_address, is_a_loopback_one_if_only_this_machine_can_have_it) {
  for (const char* host : {"127.0.0.1", "127.255.0.3", "::1"}) {
    EXPECT_TRUE(read_internet_address(host, 1)->is_loopback()) << host;
  }
  for (const char* host : {"0.0.0.0", "128.0.0.1", "10.0.0.127", "::", "::2", "fe80::1", "1::1"}) {
    EXPECT_FALSE(read_internet_address(host, 1)->is_loopback()) << host;
  }
}

TEST(an_internet_address, is_the_same_at_both_ends_of_a_connection) {
  for (const auto address : {Loopback::v4, Loopback::v6}) {
    if (address == Loopback::v6 && !has_ipv6()) continue;
    const RawTcpPair pair = raw_tcp_pair(address);
    const auto local = local_internet_address(pair.ours.get());
    ASSERT_TRUE(local);
    EXPECT_TRUE(local->is_loopback());
    EXPECT_EQ(local->v6, address == Loopback::v6);
    EXPECT_EQ(remote_internet_address(pair.its.get()), *local);
    EXPECT_EQ(remote_internet_address(pair.ours.get()), local_internet_address(pair.its.get()));
  }
}

// The kernel shows an IPv4 client of a socket for both families in the form of IPv6.
TEST(an_internet_address, of_ipv4_is_one_whatever_its_form) {
  if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
  const auto listener = Descriptor::adopt(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int off = 0;
  ASSERT_EQ(::setsockopt(listener.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);  // at any port of all addresses
  const Descriptor client = raw_tcp_connected(port_of(listener));
  ASSERT_TRUE(client.holds_one());
  const Descriptor accepted = raw_accepted(listener);
  EXPECT_EQ(remote_internet_address(accepted.get()), local_internet_address(client.get()));
  EXPECT_TRUE(remote_internet_address(accepted.get())->is_loopback());
}

TEST(an_internet_address, is_not_that_of_a_unix_socket) {
  const auto [one, other] = raw_pair(SOCK_STREAM);
  EXPECT_EQ(local_internet_address(one.get()).error(), EAFNOSUPPORT);
  EXPECT_EQ(remote_internet_address(one.get()).error(), EAFNOSUPPORT);
  EXPECT_EQ(remote_internet_address(raw_tcp_listening().get()).error(), ENOTCONN);
}

TEST(a_tcp_socket, differs_from_all_others) {
  EXPECT_EQ(is_tcp(raw_tcp_listening().get()), true);
  EXPECT_EQ(is_tcp(raw_socket(SOCK_STREAM).get()), false);
  EXPECT_EQ(is_tcp(Descriptor::adopt(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)).get()),
            false);
  EXPECT_EQ(is_tcp(some_file().get()).error(), ENOTSOCK);
  EXPECT_EQ(is_tcp(-1).error(), EBADF);
}

TEST(a_tcp_socket, is_close_on_exec_does_not_block_and_serves_one_family) {
  for (const bool v6 : {false, true}) {
    if (v6 && !has_ipv6()) continue;
    const auto socket = make_tcp_socket(v6);
    ASSERT_TRUE(socket);
    EXPECT_TRUE(test::is_close_on_exec(socket->get()));
    const auto any = *read_internet_address(v6 ? "::1" : "127.0.0.1", 0);
    ASSERT_TRUE(bind(socket->get(), any));
    ASSERT_TRUE(listen(socket->get(), 1));
    EXPECT_EQ(accept(socket->get()).error(), EAGAIN);
    if (v6) {
      EXPECT_EQ(option(*socket, IPPROTO_IPV6, IPV6_V6ONLY), 1);
    }
    EXPECT_EQ(bind(socket->get(), any).error(), EINVAL) << "it is bound";
  }
}

TEST(a_tcp_socket, sends_at_once_and_has_fixed_buffers_on_request) {
  const RawTcpPair pair = raw_tcp_pair();
  EXPECT_EQ(option(pair.ours, IPPROTO_TCP, TCP_NODELAY), 0);
  ASSERT_TRUE(send_at_once(pair.ours.get()));
  EXPECT_EQ(option(pair.ours, IPPROTO_TCP, TCP_NODELAY), 1);
  constexpr int size = 64 * 1024;
  ASSERT_TRUE(fix_buffers(pair.ours.get(), size));
  EXPECT_EQ(option(pair.ours, SOL_SOCKET, SO_SNDBUF), 2 * size);
  EXPECT_EQ(option(pair.ours, SOL_SOCKET, SO_RCVBUF), 2 * size);
}

}  // namespace
}  // namespace hallway::sys
