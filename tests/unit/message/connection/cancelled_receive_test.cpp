// SPDX-License-Identifier: Apache-2.0
//
// A task that is cancelled after its message has arrived, and before it continues, loses nothing.
#include <gtest/gtest.h>

#include <sys/socket.h>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/connection.hpp>
#include <hallway/event.hpp>
#include <hallway/loop.hpp>
#include <hallway/task_handle.hpp>

#include "support/raw_socket.hpp"
#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;

class cancelled_receive : public testing::Test {
 protected:
  void start(int type, ConnectionOptions options = {}) {
    auto [ours, theirs] = raw_pair(type);
    auto adopted = Connection::adopt(loop, std::move(ours), std::move(options));
    ASSERT_TRUE(adopted);
    near.emplace(std::move(*adopted));
    far = std::move(theirs);
  }

  /// Waits in a receive, and is cancelled in the turn in which `sent` arrives, before it continues.
  void cancel_a_receive_of(const std::string& sent, const std::vector<int>& descriptors = {}) {
    Event event(loop);
    TaskHandle handle;
    loop.spawn([&]() -> Task<> {
      co_await event.wait();
      handle.cancel();
    });
    handle = loop.spawn([&]() -> Task<> {
      co_await near->receive();
      ADD_FAILURE() << "it was to be cancelled";
    });
    raw_send(far.get(), sent, descriptors);
    event.set();  // its task is scheduled before the receive, in the same turn
    loop.turn(patience);
    EXPECT_TRUE(handle.done());
  }

  std::string receive() {
    Received received = loop.run([](Connection& from) -> Task<Received> {
      co_return co_await from.receive(patience);
    }(*near));
    return received ? received->to_owned() : std::string(to_string(received.outcome()));
  }

  Loop loop;
  std::optional<Connection> near;
  Descriptor far;
};

TEST_F(cancelled_receive, leaves_its_message_to_the_next_and_the_order_as_it_was) {
  start(SOCK_STREAM);
  cancel_a_receive_of("one\ntwo\nthr");
  EXPECT_EQ(receive(), "one");
  EXPECT_EQ(receive(), "two");
  raw_send(far.get(), "ee\n");
  EXPECT_EQ(receive(), "three");
}

TEST_F(cancelled_receive, leaves_its_message_before_those_that_came_with_it) {
  start(SOCK_STREAM);
  cancel_a_receive_of("one\ntwo\nthree\n");
  std::array<Message, 4> room;
  EXPECT_EQ(near->take_buffered(room), 0U);
  EXPECT_EQ(receive(), "one");
  EXPECT_EQ(near->take_buffered(room), 0U);
  EXPECT_EQ(receive(), "two");
  EXPECT_EQ(near->take_buffered(room), 1U);
  EXPECT_EQ(room[0], "three");
}

TEST_F(cancelled_receive, leaves_its_message_several_times) {
  start(SOCK_STREAM);
  cancel_a_receive_of("one\n");
  EXPECT_EQ(near->try_receive()->to_owned(), "one");
  cancel_a_receive_of("two\n");
  EXPECT_EQ(receive(), "two");
}

TEST_F(cancelled_receive, leaves_its_packet) {
  start(SOCK_SEQPACKET);
  cancel_a_receive_of("one");
  raw_send(far.get(), "two");
  EXPECT_EQ(receive(), "one");
  EXPECT_EQ(receive(), "two");
}

TEST_F(cancelled_receive, leaves_its_message_with_its_descriptors) {
  start(SOCK_STREAM, {.descriptors = 2});
  const Descriptor file = some_file();
  cancel_a_receive_of("a file\n", {file.get()});
  const Received received = near->try_receive();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->bytes(), "a file");
  EXPECT_EQ(received->descriptors().size(), 1U);
}

TEST_F(cancelled_receive, leaves_its_message_before_the_end_of_the_peer) {
  start(SOCK_STREAM);
  cancel_a_receive_of("one\n");
  far.close();
  loop.turn(1ms);
  EXPECT_EQ(receive(), "one");
  EXPECT_EQ(receive(), "end of stream");
}

TEST_F(cancelled_receive, leaves_nothing_behind_a_close) {
  start(SOCK_STREAM);
  cancel_a_receive_of("one\n");
  near->close();
  EXPECT_EQ(receive(), "closed");
}

TEST_F(cancelled_receive, may_end_after_its_connection) {
  start(SOCK_STREAM);
  Event event(loop);
  TaskHandle handle;
  loop.spawn([&]() -> Task<> {
    co_await event.wait();
    near.reset();
    handle.cancel();
  });
  handle = loop.spawn([&]() -> Task<> {
    co_await near->receive();
    ADD_FAILURE() << "it was to be cancelled";
  });
  raw_send(far.get(), "one\n");
  event.set();
  loop.turn(patience);
  EXPECT_TRUE(handle.done());
}

}  // namespace
}  // namespace hallway
