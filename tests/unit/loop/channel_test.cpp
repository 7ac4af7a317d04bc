// SPDX-License-Identifier: Apache-2.0
#include <hallway/channel.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <hallway/event.hpp>
#include <hallway/loop.hpp>
#include <hallway/task_handle.hpp>
#include <hallway/when_any.hpp>

#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;

/// What a task got: its number, and a value or a negative outcome.
struct Got {
  int task;
  int value;
  friend bool operator==(const Got&, const Got&) = default;
};

int code(Outcome outcome) { return -static_cast<int>(outcome); }

class channel : public testing::Test {
 protected:
  Task<> receive(int number, Duration within = forever) {
    const auto value = co_await it->receive(within);
    got.push_back({number, value ? *value : code(value.error())});
  }
  Task<> receive_all(int number) {
    while (const auto value = co_await it->receive()) got.push_back({number, *value});
  }
  Task<> send(int value, Duration within = forever) {
    sent.push_back({value, code(co_await it->send(value, within))});
  }
  void settle() {
    for (int i = 0; i < 5; ++i) loop.turn();
  }

  Loop loop;
  std::optional<Channel<int>> it{std::in_place, loop, 2};
  std::vector<Got> got;
  std::vector<Got> sent;
};

TEST_F(channel, passes_values_in_order) {
  loop.spawn(receive_all(1));
  loop.run([](Channel<int>& to) -> Task<> {
    for (int i = 1; i <= 5; ++i) {
      const Outcome outcome = co_await to.send(i);
      EXPECT_EQ(outcome, Outcome::ok);
    }
    to.close();
  }(*it));
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(got, (std::vector<Got>{{1, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 5}}));
}

TEST_F(channel, makes_senders_wait_while_it_is_full) {
  for (const int value : {1, 2, 3}) loop.spawn(send(value));
  EXPECT_EQ(it->size(), 2U);
  EXPECT_EQ(sent.size(), 2U);
  EXPECT_EQ(it->try_send(4), Outcome::would_block);
  loop.spawn(receive(1));
  settle();
  EXPECT_EQ(sent, (std::vector<Got>{{1, 0}, {2, 0}, {3, 0}}));
  EXPECT_EQ(it->size(), 2U);
}

TEST_F(channel, serves_receivers_in_the_order_in_which_they_wait) {
  for (const int number : {1, 2, 3}) loop.spawn(receive(number));
  for (const int value : {10, 20}) EXPECT_EQ(it->try_send(value), Outcome::ok);
  settle();
  EXPECT_EQ(it->try_send(30), Outcome::ok);
  settle();
  EXPECT_EQ(got, (std::vector<Got>{{1, 10}, {2, 20}, {3, 30}}));
}

TEST_F(channel, keeps_a_value_for_the_receiver_that_it_has_woken) {
  loop.spawn(receive(1));
  EXPECT_EQ(it->try_send(10), Outcome::ok);  // wakes 1, which continues in the next turn
  EXPECT_EQ(it->try_receive(), std::unexpected(Outcome::would_block));
  loop.spawn(receive(2));
  EXPECT_EQ(it->try_send(20), Outcome::ok);
  settle();
  EXPECT_EQ(got, (std::vector<Got>{{1, 10}, {2, 20}}));
}

TEST_F(channel, keeps_room_for_the_sender_that_it_has_woken) {
  for (const int value : {1, 2, 3}) loop.spawn(send(value));
  EXPECT_EQ(it->try_receive(), 1);  // wakes 3
  EXPECT_EQ(it->try_send(4), Outcome::would_block);
  settle();
  EXPECT_EQ(it->try_receive(), 2);
  EXPECT_EQ(it->try_receive(), 3);
}

TEST_F(channel, passes_a_value_on_when_the_receiver_that_was_woken_is_cancelled) {
  TaskHandle first = loop.spawn(receive(1));
  loop.spawn(receive(2));
  EXPECT_EQ(it->try_send(10), Outcome::ok);
  first.cancel();
  settle();
  EXPECT_EQ(got, (std::vector<Got>{{2, 10}}));
}

TEST_F(channel, keeps_a_value_when_the_only_receiver_that_was_woken_is_cancelled) {
  TaskHandle first = loop.spawn(receive(1));
  EXPECT_EQ(it->try_send(10), Outcome::ok);
  first.cancel();
  EXPECT_EQ(it->try_receive(), 10);
}

TEST_F(channel, passes_room_on_when_the_sender_that_was_woken_is_cancelled) {
  for (const int value : {1, 2}) loop.spawn(send(value));
  TaskHandle third = loop.spawn(send(3));
  loop.spawn(send(4));
  EXPECT_EQ(it->try_receive(), 1);
  third.cancel();
  settle();
  EXPECT_EQ(it->try_receive(), 2);
  EXPECT_EQ(it->try_receive(), 4);
}

TEST_F(channel, ends_sending_when_it_is_closed_and_still_gives_what_waits) {
  loop.spawn(send(1));
  it->close();
  loop.spawn(send(2));
  EXPECT_EQ(sent, (std::vector<Got>{{1, 0}, {2, code(Outcome::closed)}}));
  EXPECT_EQ(it->try_send(3), Outcome::closed);
  loop.spawn(receive(1));
  loop.spawn(receive(2));
  EXPECT_EQ(got, (std::vector<Got>{{1, 1}, {2, code(Outcome::end_of_stream)}}));
  EXPECT_EQ(it->try_receive(), std::unexpected(Outcome::end_of_stream));
}

TEST_F(channel, ends_the_waits_of_all_when_it_is_closed) {
  it.emplace(loop, 1);
  loop.spawn(receive(1));
  loop.spawn(receive(2));
  it->close();
  settle();
  EXPECT_EQ(got, (std::vector<Got>{{1, code(Outcome::end_of_stream)},
                                   {2, code(Outcome::end_of_stream)}}));
  it.emplace(loop, 1);
  loop.spawn(send(1));
  loop.spawn(send(2));
  it->close();
  settle();
  EXPECT_EQ(sent, (std::vector<Got>{{1, 0}, {2, code(Outcome::closed)}}));
}

TEST_F(channel, ends_the_waits_when_it_is_destroyed) {
  loop.spawn(receive(1));
  it.reset();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(got, (std::vector<Got>{{1, code(Outcome::end_of_stream)}}));
}

TEST_F(channel, may_be_destroyed_by_its_own_receiver) {
  loop.spawn([](std::optional<Channel<int>>& from, std::vector<Got>& list) -> Task<> {
    const auto value = co_await from->receive();
    from.reset();
    list.push_back({1, *value});
  }(it, got));
  loop.spawn(receive(2));
  EXPECT_EQ(it->try_send(10), Outcome::ok);
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(got, (std::vector<Got>{{1, 10}, {2, code(Outcome::end_of_stream)}}));
}

TEST_F(channel, that_is_moved_keeps_its_values_and_tasks) {
  loop.spawn(receive(1));
  Channel<int> moved(std::move(*it));
  it.reset();
  EXPECT_EQ(moved.try_send(10), Outcome::ok);
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(got, (std::vector<Got>{{1, 10}}));
}

TEST_F(channel, ends_a_wait_in_time) {
  loop.spawn(receive(1, 2ms));
  loop.spawn(receive(2, 0ms));
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(got, (std::vector<Got>{{2, code(Outcome::timed_out)}, {1, code(Outcome::timed_out)}}));
  for (const int value : {1, 2}) EXPECT_EQ(it->try_send(value), Outcome::ok);
  loop.spawn(send(3, 2ms));
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(sent, (std::vector<Got>{{3, code(Outcome::timed_out)}}));
}

TEST_F(channel, gives_a_value_that_came_in_the_turn_in_which_time_is_up) {
  loop.spawn(receive(1, 2ms));
  work_for(3ms);
  EXPECT_EQ(it->try_send(10), Outcome::ok);
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(got, (std::vector<Got>{{1, 10}}));
}

TEST_F(channel, loses_no_value_to_a_receiver_that_loses_its_race) {
  Event other(loop);
  std::optional<std::size_t> index;
  loop.spawn([](Channel<int>& from, Event& event, std::optional<std::size_t>& first) -> Task<> {
    first = (co_await when_any(event.wait(), from.receive())).index();
  }(*it, other, index));
  loop.turn();
  other.set();
  EXPECT_EQ(it->try_send(10), Outcome::ok);
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(index, 0U);
  EXPECT_EQ(it->try_receive(), 10);
}

TEST_F(channel, passes_values_that_can_only_be_moved_and_keeps_one_that_is_refused) {
  Channel<std::unique_ptr<int>> boxes(loop, 1);
  EXPECT_EQ(boxes.try_send(std::make_unique<int>(1)), Outcome::ok);
  auto refused = std::make_unique<int>(2);
  EXPECT_EQ(boxes.try_send(std::move(refused)), Outcome::would_block);
  ASSERT_NE(refused, nullptr);
  const auto first = loop.run(boxes.receive());
  ASSERT_TRUE(first);
  EXPECT_EQ(**first, 1);
}

TEST_F(channel, takes_values_from_another_thread_by_post) {
  loop.spawn(receive(1));
  loop.post([this] { EXPECT_EQ(it->try_send(10), Outcome::ok); });
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(got, (std::vector<Got>{{1, 10}}));
}

TEST(loop, may_end_before_tasks_that_wait_for_a_channel) {
  Loop loop;
  Channel<int> channel(loop, 1);
  EXPECT_EQ(channel.try_send(1), Outcome::ok);
  loop.spawn([](Channel<int>& to) -> Task<> { co_await to.send(2); }(channel));
  loop.spawn([](Channel<int>& to) -> Task<> { co_await to.send(3); }(channel));
}

}  // namespace
}  // namespace hallway
