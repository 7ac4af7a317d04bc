// SPDX-License-Identifier: Apache-2.0
#include "sys/foreign_socket.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "support/faults.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace hallway::sys {
namespace {

TEST(ForeignSocket, ACopyRefersToTheSameSocket) {
  const auto pair = make_pair(Type::stream);
  ASSERT_TRUE(pair.has_value());
  const auto ourselves = open_pidfd(::getpid());
  ASSERT_TRUE(ourselves.has_value());
  const auto copy = copy_descriptor(ourselves->get(), pair->first.get());
  ASSERT_TRUE(copy.has_value());
  EXPECT_EQ(::send(copy->get(), "x", 1, MSG_DONTWAIT), 1);
  char byte = 0;
  EXPECT_EQ(::recv(pair->second.get(), &byte, 1, MSG_DONTWAIT), 1);
  EXPECT_EQ(copy_descriptor(ourselves->get(), 1 << 20).error(), EBADF);
}

TEST(ForeignSocket, HasRoomUntilTheSendBufferIsFull) {
  const auto pair = make_pair(Type::datagram);
  ASSERT_TRUE(pair.has_value());
  EXPECT_EQ(has_room_to_send(pair->first.get()), true);
  while (::send(pair->first.get(), "x", 1, MSG_DONTWAIT) == 1) {
  }
  EXPECT_EQ(has_room_to_send(pair->first.get()), false);
}

TEST(ForeignSocket, TakesDescriptorsUnlessItRefusesThem) {
  const auto pair = make_pair(Type::stream);
  ASSERT_TRUE(pair.has_value());
  if (!allow_fd_passing(pair->first.get(), false)) GTEST_SKIP() << "before Linux 6.16";
  EXPECT_EQ(takes_descriptors(pair->first.get()), false);
  EXPECT_EQ(takes_descriptors(pair->second.get()), true);
}

TEST(ForeignSocket, FailuresOfTheKernelAreReturned) {
  const auto pair = make_pair(Type::stream);
  ASSERT_TRUE(pair.has_value());
  {
    const test::FaultOn refused(Call::pidfd_open, 1, EPERM);
    EXPECT_EQ(copy_descriptor(0, 0).error(), EPERM);
  }
  {
    const test::FaultOn refused(Call::poll, 1, ENOMEM);
    EXPECT_EQ(has_room_to_send(pair->first.get()).error(), ENOMEM);
  }
  const test::FaultOn refused(Call::getsockopt, 1, ENOPROTOOPT);
  EXPECT_EQ(takes_descriptors(pair->first.get()).error(), ENOPROTOOPT);
}

}  // namespace
}  // namespace hallway::sys
