// SPDX-License-Identifier: Apache-2.0
//
// The seam, and the faults the other tests make through it.
#include "sys/fault_hook.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "support/faults.hpp"
#include "support/raw_socket.hpp"
#include "sys/file.hpp"
#include "sys/socket.hpp"

namespace hallway::sys {
namespace {

using namespace test;

TEST(fault_hook, decides_nothing_unless_it_is_installed) {
  EXPECT_EQ(fault_hook.load(), nullptr);
  EXPECT_EQ(consult_fault_hook(Call::accept).error, 0);
  EXPECT_FALSE(consult_fault_hook(Call::recvmsg).one_byte);
}

TEST(fault_on, fails_the_nth_call_of_its_kind_and_no_other) {
  const FaultOn fault(Call::socket, 2, ENOBUFS);
  EXPECT_TRUE(make_socket(Type::stream, false));
  const auto failed = make_socket(Type::stream, false);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error(), ENOBUFS);
  EXPECT_TRUE(make_socket(Type::stream, false));
  EXPECT_TRUE(make_pair(Type::stream));
  EXPECT_EQ(fault.calls(), 3U);
}

TEST(fault_on, can_fail_several_calls_in_a_row_or_all_that_follow) {
  {
    const FaultOn fault(Call::socket, 1, ENFILE, 2);
    EXPECT_FALSE(make_socket(Type::stream, false));
    EXPECT_FALSE(make_socket(Type::stream, false));
    EXPECT_TRUE(make_socket(Type::stream, false));
  }
  const FaultOn fault(Call::socket, 2, ENFILE, FaultOn::always);
  EXPECT_TRUE(make_socket(Type::stream, false));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(make_socket(Type::stream, false));
}

TEST(fault_on, ends_with_its_life) {
  {
    const FaultOn fault(Call::socket, 1, ENFILE, FaultOn::always);
  }
  EXPECT_FALSE(faults_are_active());
  EXPECT_TRUE(make_socket(Type::stream, false));
}

TEST(fault_on, works_beside_another_fault) {
  const FaultOn first(Call::socket, 1, ENFILE);
  const FaultOn second(Call::socketpair, 1, EMFILE);
  const CallCount count(Call::socket);
  EXPECT_EQ(make_socket(Type::stream, false).error(), ENFILE);
  EXPECT_EQ(make_pair(Type::stream).error(), EMFILE);
  EXPECT_TRUE(make_socket(Type::stream, false));
  EXPECT_EQ(count.calls(), 2U);
}

TEST(one_byte, lets_one_byte_through_a_call) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  char text[] = "abc";
  const iovec piece{text, 3};
  {
    const OneByte slow(Call::sendmsg);
    EXPECT_EQ(send(near.get(), {&piece, 1}), 1U);
    EXPECT_EQ(slow.calls(), 1U);
  }
  EXPECT_EQ(send(near.get(), {&piece, 1}), 3U);
  const OneByte slow(Call::recvmsg);
  EXPECT_EQ(receive_bytes(far.get(), {text, 3}), 1U);
  EXPECT_EQ(receive(far.get(), {text, 3}, 0, false)->size, 1U);
}

// An interrupted call is a call made again: nobody above this layer sees EINTR.
TEST(fault_hook, never_shows_an_interruption) {
  const FaultOn interrupted(Call::socket, 1, EINTR);
  EXPECT_TRUE(make_socket(Type::stream, false));
}

}  // namespace
}  // namespace hallway::sys
