// SPDX-License-Identifier: Apache-2.0
#include <hallway/socket.hpp>

#include <gtest/gtest.h>

#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "support/faults.hpp"
#include "support/processes.hpp"
#include "support/raw_socket.hpp"

namespace hallway {
namespace {

using namespace test;

constexpr std::array all_types{SocketType::stream, SocketType::seqpacket, SocketType::datagram};

TEST(socket_type, reads_every_name_it_prints) {
  for (const SocketType type : all_types) EXPECT_EQ(*parse_socket_type(to_string(type)), type);
  EXPECT_EQ(*parse_socket_type("dgram"), SocketType::datagram);
}

TEST(socket_type, refuses_an_unknown_text_and_lists_the_known_ones) {
  for (const char* text : {"", "STREAM", "tcp", "stream "}) {
    const auto type = parse_socket_type(text);
    ASSERT_FALSE(type) << text;
    EXPECT_EQ(type.error().code, std::errc::invalid_argument);
    EXPECT_NE(type.error().hint.find("seqpacket"), std::string::npos);
  }
}

TEST(socket_pair, makes_connected_blocking_sockets_of_each_type) {
  constexpr std::array kernel_types{SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
  for (std::size_t i = 0; i < all_types.size(); ++i) {
    const auto pair = socket_pair(all_types[i]);
    ASSERT_TRUE(pair);
    int type = 0;
    socklen_t size = sizeof type;
    ::getsockopt(pair->first.get(), SOL_SOCKET, SO_TYPE, &type, &size);
    EXPECT_EQ(type, kernel_types[i]);
    EXPECT_EQ(raw_send(pair->first.get(), "hi"), 2);
    EXPECT_EQ(raw_receive(pair->second.get(), 16, true).bytes, "hi");
  }
}

TEST(socket_pair, is_close_on_exec) {
  const auto pair = socket_pair();
  EXPECT_FALSE(survives_exec(pair->first.get()));
  EXPECT_FALSE(survives_exec(pair->second.get()));
}

TEST(socket_pair, reports_why_the_kernel_gave_none) {
  const FaultOn fault(sys::Call::socketpair, 1, EMFILE);
  const auto pair = socket_pair();
  ASSERT_FALSE(pair);
  EXPECT_EQ(pair.error().code, std::errc::too_many_files_open);
  EXPECT_NE(pair.error().explain().find("socket pair"), std::string::npos);
}

}  // namespace
}  // namespace hallway
