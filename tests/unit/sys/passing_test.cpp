// SPDX-License-Identifier: Apache-2.0
//
// Descriptors in control messages. That nothing is left open is checked after every test.
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <array>
#include <cerrno>
#include <vector>

#include <hallway/limits.hpp>

#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "sys/socket.hpp"
#include "unit/sys/expected_in_tests.hpp"

namespace hallway::sys {
namespace {

using namespace test;

/// So many descriptors, each of a file of its own.
std::vector<Descriptor> files(std::size_t count) {
  std::vector<Descriptor> result;
  for (std::size_t i = 0; i < count; ++i) result.push_back(some_file());
  return result;
}

std::vector<int> numbers(const std::vector<Descriptor>& descriptors) {
  std::vector<int> result;
  for (const Descriptor& descriptor : descriptors) result.push_back(descriptor.get());
  return result;
}

ReceiveResult receive_one(int socket, std::size_t room) {
  std::array<char, 16> bytes;
  auto got = receive(socket, {bytes.data(), bytes.size()}, room, false);
  EXPECT_TRUE(got);
  return got ? std::move(*got) : ReceiveResult{};
}

TEST(send, passes_1_to_253_descriptors_in_order) {
  const std::vector<Descriptor> all = files(bounds::max_descriptors_per_message);
  for (const Type type : all_types) {
    for (std::size_t count = 1; count <= all.size(); count += count < 4 ? 1 : 83) {
      const auto pair = make_pair(type);
      char byte = 'x';
      const iovec piece{&byte, 1};
      ASSERT_EQ(send(pair->first.get(), {&piece, 1}, std::span(all).first(count)), 1U);
      const RawReception got = raw_receive(pair->second.get());
      ASSERT_EQ(got.descriptors.size(), count);
      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_TRUE(same_file(got.descriptors[i].get(), all[i].get())) << i;
      }
    }
  }
}

TEST(send, fails_for_a_descriptor_that_is_not_open) {
  const auto pair = make_pair(Type::stream);
  char byte = 'x';
  const iovec piece{&byte, 1};
  std::array passed{Descriptor::adopt(1'000'000)};
  EXPECT_EQ(send(pair->first.get(), {&piece, 1}, passed).error(), EBADF);
}

TEST(receive, gives_every_descriptor_there_is_room_for_close_on_exec) {
  const std::vector<Descriptor> all = files(bounds::max_descriptors_per_message);
  for (std::size_t count = 1; count <= all.size(); ++count) {
    auto [near, far] = raw_pair(SOCK_STREAM);
    std::vector<int> passed = numbers(all);
    passed.resize(count);
    ASSERT_EQ(raw_send(far.get(), "x", passed), 1);
    const ReceiveResult got = receive_one(near.get(), count);
    ASSERT_EQ(got.descriptors.size(), count);
    EXPECT_FALSE(got.descriptors_truncated);
    EXPECT_TRUE(is_close_on_exec(got.descriptors.back().get()));
    EXPECT_TRUE(same_file(got.descriptors.back().get(), all[count - 1].get()));
  }
}

TEST(receive, reports_descriptors_it_had_no_room_for_and_closes_none_twice) {
  const std::vector<Descriptor> all = files(bounds::max_descriptors_per_message);
  for (std::size_t count = 3; count <= all.size(); count += 50) {
    for (const std::size_t room : {1UL, 2UL}) {
      auto [near, far] = raw_pair(SOCK_STREAM);
      std::vector<int> passed = numbers(all);
      passed.resize(count);
      ASSERT_EQ(raw_send(far.get(), "x", passed), 1);
      const ReceiveResult got = receive_one(near.get(), room);
      EXPECT_EQ(got.size, 1U);
      EXPECT_TRUE(got.descriptors_truncated);
      // Padding of the control message makes room for one more than asked for.
      EXPECT_GE(got.descriptors.size(), room);
      EXPECT_LE(got.descriptors.size(), room + 1);
    }
  }
}

TEST(receive, leaves_unwanted_descriptors_to_the_kernel_which_closes_them) {
  for (int way = 0; way < 2; ++way) {
    auto [near, far] = raw_pair(SOCK_STREAM);
    auto [end, other] = raw_pair(SOCK_STREAM);
    ASSERT_EQ(raw_send(far.get(), "x", {end.get()}), 1);
    end.close();
    std::array<char, 16> bytes;
    if (way == 0) {
      const ReceiveResult got = receive_one(near.get(), 0);
      EXPECT_TRUE(got.descriptors.empty());
      EXPECT_FALSE(got.descriptors_truncated);
    } else {
      ASSERT_EQ(receive_bytes(near.get(), {bytes.data(), bytes.size()}), 1U);
    }
    // The passed end is gone for good: its peer sees the end.
    EXPECT_EQ(raw_receive(other.get()).result, 0);
  }
}

TEST(receive, closes_unwanted_descriptors_also_where_there_is_room_for_credentials) {
  auto [near, far] = raw_pair(SOCK_SEQPACKET);
  ASSERT_TRUE(pass_credentials(near.get()));
  ASSERT_EQ(raw_send(far.get(), "x", numbers(files(2))), 1);
  std::array<char, 16> bytes;
  const auto got = receive(near.get(), {bytes.data(), bytes.size()}, 0, true);
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->has_control);
  EXPECT_EQ(got->size, 1U);
}

TEST(receive, reports_truncation_when_this_process_is_out_of_descriptors) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  const std::vector<Descriptor> all = files(4);
  ASSERT_EQ(raw_send(far.get(), "x", numbers(all)), 1);
  const std::string outcome = in_a_child([&input = near] {
    const rlimit none{static_cast<rlim_t>(input.get() + 1), static_cast<rlim_t>(input.get() + 1)};
    ::setrlimit(RLIMIT_NOFILE, &none);
    const ReceiveResult got = receive_one(input.get(), 4);
    return std::to_string(got.size) +
           " byte, truncated: " + std::to_string(got.descriptors_truncated);
  });
  EXPECT_EQ(outcome, "1 byte, truncated: 1");
}

TEST(allow_fd_passing, refuses_descriptors_at_the_sender_where_the_kernel_can) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  const auto refused = allow_fd_passing(near.get(), false);
  if (!refused) {
    EXPECT_EQ(refused.error(), ENOPROTOOPT);
    return;
  }
  const Descriptor file = some_file();
  EXPECT_EQ(raw_send(far.get(), "x", {file.get()}), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(raw_send(far.get(), "x"), 1);
  ASSERT_TRUE(allow_fd_passing(near.get(), true));
  EXPECT_EQ(raw_send(far.get(), "x", {file.get()}), 1);
}

}  // namespace
}  // namespace hallway::sys
