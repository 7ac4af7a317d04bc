// SPDX-License-Identifier: Apache-2.0
//
// Messages of many kibibytes: sent from where they lie, and received without being moved about.
#include <gtest/gtest.h>

#include <sys/socket.h>

#include <cerrno>

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <hallway/connection.hpp>

#include "support/conversation.hpp"
#include "support/faults.hpp"

namespace hallway {
namespace {

using namespace test;

/// Bytes of which no two neighbours are the same, and none a delimiter.
std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + (i + i / 251) % 26);
  return bytes;
}

int send_buffer(int socket) {
  int size = 0;
  socklen_t length = sizeof size;
  ::getsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, &length);
  return size;
}

/// What a stream may ask for without privilege, as the kernel counts it.
int largest_send_buffer() {
  int most = 0;
  std::ifstream("/proc/sys/net/core/wmem_max") >> most;
  return 2 * most;
}

class large_messages : public Conversation {
 protected:
  /// Sends one after the other from a task; both ends of the conversation advance.
  void send_all(std::vector<std::string> messages) {
    loop.spawn([](Connection& connection, std::vector<std::string> all) -> Task<> {
      for (const std::string& message : all) co_await connection.send(message);
    }(*ours, std::move(messages)));
  }
};

TEST_F(large_messages, are_offered_to_the_kernel_at_once) {
  start();
  const CallCount calls(sys::Call::sendmsg);
  say(std::string(100 * kibibyte, 'x'));
  EXPECT_EQ(calls.calls(), 1U);
  EXPECT_EQ(ours->unsent_bytes(), 1U);  // the line feed
}

TEST_F(large_messages, keep_their_place_among_small_ones_in_every_framing) {
  const std::string large = pattern(5 * mebibyte);
  const std::string medium = pattern(64 * kibibyte);
  for (const Framing framing :
       {Framing::lines(), Framing::null(), Framing::len32(), Framing::len32be(), Framing::raw()}) {
    start(SocketType::stream, {.framing = framing, .limits = {.max_message = 8 * mebibyte}});
    std::string expected;
    const std::vector<std::string> messages{"a", large, "b", medium, "c", large, medium};
    for (const std::string& message : messages) {
      std::string frame(message.size() + framing.overhead(), '\0');
      framing.write(message, frame.data());
      expected += frame;
    }
    send_all(messages);
    ASSERT_TRUE(until_they_have(expected.size())) << framing.to_string();
    EXPECT_TRUE(theirs->received == expected) << framing.to_string();
  }
}

TEST_F(large_messages, arrive_whole_however_they_are_cut) {
  const std::string large = pattern(3 * mebibyte);
  start(SocketType::stream, {.limits = {.max_message = 4 * mebibyte}});
  listen();
  const std::string stream = large + "\nsmall\n" + large + "\n";
  for (std::size_t sent = 0; sent < stream.size();) {
    const ssize_t taken = theirs->send(std::string_view(stream).substr(sent, 70'001));
    if (taken > 0) sent += static_cast<std::size_t>(taken);
    loop.turn();
  }
  ASSERT_TRUE(until([&] { return log.messages.size() == 3; }));
  EXPECT_TRUE(log.messages[0] == large);
  EXPECT_EQ(log.messages[1], "small");
  EXPECT_TRUE(log.messages[2] == large);
}

TEST_F(large_messages, have_their_share_of_each_turn) {
  start(SocketType::stream, {.framing = Framing::len32()});
  for (int i = 0; i < 40; ++i) {
    say(std::string(64 * kibibyte, 'x'));
    EXPECT_EQ(ours->unsent_bytes(), 0U);
    loop.turn();
    theirs->collect();
  }
}

TEST_F(large_messages, wait_instead_of_being_copied_while_the_kernel_takes_nothing) {
  start(SocketType::stream, {.limits = {.send_buffer = 0}});
  say(std::string(600 * kibibyte, 'x'));  // of which the kernel takes a part
  const std::size_t unsent = ours->unsent_bytes();
  EXPECT_GT(unsent, 0U);
  EXPECT_EQ(ours->try_send(std::string(100 * kibibyte, 'y')).outcome(), Outcome::would_block);
  EXPECT_EQ(ours->try_send("behind it").outcome(), Outcome::would_block);
  EXPECT_EQ(ours->unsent_bytes(), unsent);

  send_all({std::string(100 * kibibyte, 'y'), "behind it"});
  ASSERT_TRUE(until_they_have(700 * kibibyte + 12));
  EXPECT_TRUE(theirs->received.ends_with("yyy\nbehind it\n"));
  EXPECT_EQ(ours->try_send("one more").outcome(), Outcome::ok);
}

TEST_F(large_messages, wait_no_longer_than_the_soft_time) {
  start(SocketType::stream, {.limits = {.outbound_soft_time = 5ms, .send_buffer = 0}});
  say(std::string(600 * kibibyte, 'x'));
  loop.turn();
  send_all({std::string(100 * kibibyte, 'y')});
  listen();
  EXPECT_TRUE(until_ended());
}

TEST_F(large_messages, that_fail_end_the_receive_that_waits_beside_them) {
  start();
  listen();
  const FaultOn fault(sys::Call::sendmsg, 1, EACCES);
  EXPECT_EQ(ours->try_send(std::string(100 * kibibyte, 'x')).outcome(), Outcome::failed);
  EXPECT_TRUE(until_ended());
}

TEST_F(large_messages, end_with_the_peer_that_is_gone) {
  start();
  theirs->close();
  EXPECT_EQ(ours->try_send(std::string(100 * kibibyte, 'x')).outcome(), Outcome::peer_gone);
}

TEST_F(large_messages, get_a_larger_kernel_buffer_once_the_first_is_full) {
  start();
  const int first = send_buffer(ours->descriptor());
  if (largest_send_buffer() <= first) GTEST_SKIP() << "net.core.wmem_max allows no more";
  say("small");
  loop.turn();
  EXPECT_EQ(send_buffer(ours->descriptor()), first);
  say(std::string(900 * kibibyte, 'x'));
  EXPECT_GT(send_buffer(ours->descriptor()), first);
}

TEST_F(large_messages, leave_the_kernel_buffer_alone_where_that_is_asked_for_or_old_ones_give_way) {
  ConnectionOptions unchanged;
  unchanged.limits.send_buffer = 0;
  for (const ConnectionOptions& options :
       {unchanged, ConnectionOptions{.overflow = OverflowPolicy::drop_oldest},
        ConnectionOptions{.overflow = OverflowPolicy::drop_newest}}) {
    start(SocketType::stream, options);
    const int first = send_buffer(ours->descriptor());
    say(std::string(900 * kibibyte, 'x'));
    loop.turn();
    EXPECT_EQ(send_buffer(ours->descriptor()), first);
  }
}

}  // namespace
}  // namespace hallway
