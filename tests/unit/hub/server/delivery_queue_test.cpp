// SPDX-License-Identifier: Apache-2.0
#include "hub/server/delivery_queue.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/chunk.hpp"
#include "message/connection/connection_core.hpp"
#include "support/watchdog.hpp"

namespace hallway::hub {
namespace {

using Queue = DeliveryQueue<int>;

constexpr std::size_t message_size = 1'000'000;  // beside which upkeep is nothing
constexpr std::size_t room_for_three = 3 * message_size;

struct DeliveryQueueTest : testing::Test {
  Offered offer(Queue& queue, int message, std::string_view subject = "subject") {
    return queue.offer(subject, message, message_size);
  }

  /// What comes out, and a "-N" for each gap of N.
  static std::vector<std::string> drained(Queue& queue) {
    std::vector<std::string> all;
    while (!queue.idle()) {
      const auto [lost, message] = queue.take();
      if (lost > 0) all.push_back("-" + std::to_string(lost));
      if (message) all.push_back(std::to_string(*message));
    }
    return all;
  }

  using Said = std::vector<std::string>;

  core::Accounts accounts{core::Accounts::Limits{}};
  core::Slot slot = *accounts.admit(1000, false);
  core::Account& account = slot.account();
};

using delivery_queue = DeliveryQueueTest;

TEST_F(delivery_queue, gives_what_waits_in_order) {
  Queue queue(OverflowPolicy::wait, room_for_three, account);
  EXPECT_TRUE(queue.idle());
  for (const int message : {1, 2, 3}) EXPECT_EQ(offer(queue, message), Offered::queued);
  EXPECT_FALSE(queue.idle());
  EXPECT_EQ(queue.waiting(), 3U);
  EXPECT_EQ(drained(queue), (Said{"1", "2", "3"}));
  EXPECT_EQ(queue.counters().delivered, 3U);
  EXPECT_EQ(queue.counters().bytes, 3 * message_size);
}

TEST_F(delivery_queue, makes_publishers_wait) {
  Queue queue(OverflowPolicy::wait, room_for_three, account);
  for (const int message : {1, 2, 3}) {
    EXPECT_FALSE(queue.blocks());
    offer(queue, message);
  }
  EXPECT_TRUE(queue.blocks());
  EXPECT_EQ(offer(queue, 4), Offered::wait);
  EXPECT_EQ(queue.take().message, 1);
  EXPECT_FALSE(queue.blocks());
  EXPECT_EQ(offer(queue, 4), Offered::queued);
  EXPECT_EQ(drained(queue), (Said{"2", "3", "4"}));
  EXPECT_EQ(queue.counters().dropped, 0U);
}

TEST_F(delivery_queue, asks_for_the_connection_to_be_cut) {
  Queue queue(OverflowPolicy::disconnect, room_for_three, account);
  for (const int message : {1, 2, 3}) EXPECT_EQ(offer(queue, message), Offered::queued);
  EXPECT_FALSE(queue.blocks());
  EXPECT_EQ(offer(queue, 4), Offered::disconnect);
}

TEST_F(delivery_queue, drops_the_oldest_and_reports_it_before_the_next) {
  Queue queue(OverflowPolicy::drop_oldest, room_for_three, account);
  for (int message = 1; message <= 5; ++message) EXPECT_EQ(offer(queue, message), Offered::queued);
  EXPECT_EQ(drained(queue), (Said{"-2", "3", "4", "5"}));
  EXPECT_EQ(queue.counters().dropped, 2U);
  EXPECT_EQ(drained(queue), Said{});
}

TEST_F(delivery_queue, drops_the_newest_and_reports_it_where_they_are_missing) {
  Queue queue(OverflowPolicy::drop_newest, room_for_three, account);
  for (const int message : {1, 2, 3}) EXPECT_EQ(offer(queue, message), Offered::queued);
  for (const int message : {4, 5}) EXPECT_EQ(offer(queue, message), Offered::dropped);
  EXPECT_EQ(queue.take().message, 1);
  EXPECT_EQ(offer(queue, 6), Offered::queued);
  EXPECT_EQ(offer(queue, 7), Offered::dropped);
  EXPECT_EQ(drained(queue), (Said{"2", "3", "-2", "6", "-1"}));
  EXPECT_EQ(queue.counters().dropped, 3U);
}

TEST_F(delivery_queue, lets_nothing_pass_before_a_gap_is_reported) {
  Queue queue(OverflowPolicy::drop_newest, 0, account);
  EXPECT_TRUE(queue.idle());
  EXPECT_EQ(offer(queue, 1), Offered::dropped);
  EXPECT_FALSE(queue.idle());
  EXPECT_EQ(queue.take().lost, 1U);
  EXPECT_TRUE(queue.idle());
  queue.pass(10);
  EXPECT_EQ(queue.counters().delivered, 1U);
  EXPECT_EQ(queue.counters().bytes, 10U);
}

TEST_F(delivery_queue, keeps_only_the_latest_of_a_subject_in_the_place_of_the_first) {
  Queue queue(OverflowPolicy::latest_only, room_for_three, account);
  offer(queue, 1, "a");
  offer(queue, 2, "b");
  for (const int message : {3, 4, 5}) EXPECT_EQ(offer(queue, message, "a"), Offered::queued);
  EXPECT_EQ(drained(queue), (Said{"5", "2"}));
  EXPECT_EQ(queue.counters().superseded, 3U);
  EXPECT_EQ(queue.counters().dropped, 0U);
  EXPECT_EQ(offer(queue, 6, "a"), Offered::queued);
  EXPECT_EQ(drained(queue), Said{"6"});
}

TEST_F(delivery_queue, of_only_the_latest_drops_the_oldest_of_too_many_subjects) {
  Queue queue(OverflowPolicy::latest_only, room_for_three, account);
  for (const char* subject : {"a", "b", "c", "d"}) offer(queue, subject[0] - 'a', subject);
  EXPECT_EQ(offer(queue, 10, "a"), Offered::queued);
  EXPECT_EQ(drained(queue), (Said{"-2", "2", "3", "10"}));
}

TEST_F(delivery_queue, stays_below_its_limit_when_what_is_latest_gets_larger) {
  Queue queue(OverflowPolicy::latest_only, 3'000, account);
  for (const char* subject : {"a", "b", "c"}) queue.offer(subject, subject[0] - 'a', 0);
  for (const char* subject : {"a", "b", "c"}) queue.offer(subject, subject[0], 5'000);
  EXPECT_LE(account.used(core::Quota::memory), 3'000 + 5'000 + 200);
  EXPECT_EQ(drained(queue), (Said{"-2", "99"}));
}

TEST_F(delivery_queue, takes_a_message_of_any_size_while_it_has_room) {
  Queue queue(OverflowPolicy::drop_newest, 1, account);
  EXPECT_EQ(queue.offer("a", 1, message_size), Offered::queued);
  EXPECT_EQ(queue.offer("a", 2, 0), Offered::dropped);
}

TEST_F(delivery_queue, counts_more_than_nothing_for_an_empty_message) {
  Queue queue(OverflowPolicy::drop_newest, 1'000, account);
  int queued = 0;
  while (queue.offer("a", 0, 0) == Offered::queued) ASSERT_LT(++queued, 1'000);
  EXPECT_GT(queued, 1);
}

TEST_F(delivery_queue, is_full_when_its_user_has_nothing_left) {
  core::Accounts few({.memory = {.per_uid = room_for_three}});
  const core::Slot client = *few.admit(1000, false);
  core::Account& shared = client.account();
  Queue other(OverflowPolicy::wait, SIZE_MAX, shared);
  Queue waits(OverflowPolicy::wait, SIZE_MAX, shared);
  Queue drops(OverflowPolicy::drop_oldest, SIZE_MAX, shared);
  Queue latest(OverflowPolicy::latest_only, SIZE_MAX, shared);
  EXPECT_EQ(offer(latest, 1, "a"), Offered::queued);
  for (const int message : {1, 2}) offer(other, message);
  EXPECT_TRUE(waits.blocks());
  EXPECT_EQ(offer(drops, 1), Offered::dropped);
  offer(latest, 2, "a");
  EXPECT_EQ(drained(latest), Said{"2"});
  EXPECT_EQ(offer(drops, 2), Offered::queued);
  EXPECT_EQ(drained(drops), (Said{"-1", "2"}));
}

TEST_F(delivery_queue, is_nearly_full_with_more_than_three_quarters_of_its_room) {
  Queue queue(OverflowPolicy::disconnect, 4 * message_size, account);
  for (const int message : {1, 2, 3}) {
    EXPECT_FALSE(queue.nearly_full());
    offer(queue, message);
  }
  EXPECT_TRUE(queue.nearly_full());
  EXPECT_FALSE(queue.full());
  queue.take();
  EXPECT_FALSE(queue.nearly_full());
}

TEST_F(delivery_queue, is_nearly_full_when_its_user_has_little_left) {
  core::Accounts few({.memory = {.per_uid = 4 * message_size}});
  const core::Slot client = *few.admit(1000, false);
  core::Account& shared = client.account();
  Queue other(OverflowPolicy::disconnect, SIZE_MAX, shared);
  const Queue queue(OverflowPolicy::disconnect, SIZE_MAX, shared);
  for (const int message : {1, 2}) offer(other, message);
  EXPECT_FALSE(queue.nearly_full());
  EXPECT_TRUE(queue.nearly_full(message_size));
  offer(other, 3);
  EXPECT_TRUE(queue.nearly_full());
}

TEST_F(delivery_queue, drops_even_the_latest_when_its_user_has_nothing_left) {
  core::Accounts few({.memory = {.per_uid = room_for_three}});
  const core::Slot client = *few.admit(1000, false);
  core::Account& shared = client.account();
  Queue latest(OverflowPolicy::latest_only, SIZE_MAX, shared);
  Queue other(OverflowPolicy::wait, SIZE_MAX, shared);
  latest.offer("a", 1, 0);
  for (const int message : {1, 2, 3}) offer(other, message);
  EXPECT_EQ(offer(latest, 2, "a"), Offered::dropped);
  EXPECT_EQ(drained(latest), Said{"-1"});
}

TEST_F(delivery_queue, gives_back_what_its_user_paid) {
  {
    Queue queue(OverflowPolicy::latest_only, room_for_three, account);
    for (const char* subject : {"a", "b", "c", "d", "c"}) offer(queue, 1, subject);
    queue.take();
    EXPECT_GT(account.used(core::Quota::memory), message_size);
  }
  EXPECT_EQ(account.used(core::Quota::memory), 0U);
}

// Whatever happens, what comes out is what went in, in order, with each hole told where it is.
TEST_F(delivery_queue, reports_each_loss_once_and_in_its_place) {
  for (const OverflowPolicy policy : {OverflowPolicy::drop_oldest, OverflowPolicy::drop_newest}) {
    std::mt19937 random(1);
    Queue queue(policy, room_for_three, account);
    int offered = 0;
    std::uint64_t expected = 0;  // the number of the next message
    const auto take = [&] {
      const auto [lost, message] = queue.take();
      expected += lost;
      if (message) {
        ASSERT_EQ(static_cast<std::uint64_t>(*message), expected);
        ++expected;
      }
    };
    for (int step = 0; step < 20'000; ++step) {
      if (random() % 5 < 3) {
        offer(queue, offered++);
      } else {
        take();
      }
    }
    while (!queue.idle()) take();
    EXPECT_EQ(expected, static_cast<std::uint64_t>(offered));
    EXPECT_EQ(queue.counters().delivered + queue.counters().dropped, expected);
    EXPECT_GT(queue.counters().dropped, 1'000U);
  }
}

TEST_F(delivery_queue, keeps_a_message_of_a_publisher_that_did_not_wait) {
  core::Accounts shared({.memory = {.all = 8 * message_size}});
  const core::Slot one = *shared.admit(1000, false);
  Queue queue(OverflowPolicy::wait, SIZE_MAX, one.account());
  EXPECT_FALSE(queue.blocks());
  const core::Slot client = *shared.admit(1001, false);
  core::Account& other = client.account();
  other.add(core::Quota::memory, 7 * message_size);
  EXPECT_TRUE(queue.blocks());
  EXPECT_EQ(offer(queue, 1), Offered::wait);
  queue.put("subject", 1, message_size);
  EXPECT_EQ(drained(queue), (Said{"1"}));
  other.refund(core::Quota::memory, 7 * message_size);
}

// Else many tiny messages would take more memory than is counted.
TEST_F(delivery_queue, counts_at_least_what_tiny_messages_take_up) {
  if (test::sanitized) GTEST_SKIP() << "malloc(3) is the sanitizer's, and takes more";
  for (const auto policy : {OverflowPolicy::drop_newest, OverflowPolicy::latest_only}) {
    DeliveryQueue<detail::SharedBytes> queue(policy, SIZE_MAX, account);
    const std::size_t before = mallinfo2().uordblks;
    for (int number = 0; number < 10'000; ++number) {
      const std::string subject = "a.subject.of.some.length." + std::to_string(number);
      ASSERT_EQ(queue.offer(subject, {core::Chunk::make(1), 0, 1, 1}, 1), Offered::queued);
    }
    EXPECT_LE(mallinfo2().uordblks - before, account.used(core::Quota::memory));
  }
}

}  // namespace
}  // namespace hallway::hub
