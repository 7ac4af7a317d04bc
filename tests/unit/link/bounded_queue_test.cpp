// SPDX-License-Identifier: Apache-2.0
#include "link/bounded_queue.hpp"

#include <gtest/gtest.h>

namespace hallway::link {
namespace {

ForwardedMessage message(const std::string& subject) {
  return {.subject = subject, .payload = std::string(1000, 'x')};
}

/// Room for three messages.
constexpr std::size_t some = 4000;

TEST(a_bounded_queue, loses_the_newest_or_the_oldest_when_it_is_full) {
  BoundedQueue keeps_first(some, OverflowPolicy::drop_newest);
  BoundedQueue keeps_last(some, OverflowPolicy::drop_oldest);
  for (const char* subject : {"1", "2", "3"}) {
    EXPECT_EQ(keeps_first.offer(message(subject)), 0U);
    EXPECT_EQ(keeps_last.offer(message(subject)), 0U);
  }
  EXPECT_EQ(keeps_first.offer(message("4")), 1U);
  EXPECT_EQ(keeps_last.offer(message("4")), 1U);
  EXPECT_EQ(keeps_first.take()->subject, "1");
  EXPECT_EQ(keeps_last.take()->subject, "2");
  EXPECT_EQ(keeps_first.clear(), 2U);
  EXPECT_EQ(keeps_first.size(), 0U);
}

TEST(a_bounded_queue, counts_what_is_on_its_way_until_it_is_settled) {
  BoundedQueue queue(some, OverflowPolicy::drop_newest);
  for (const char* subject : {"1", "2", "3"}) queue.offer(message(subject));
  auto taken = queue.take_all();
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.size(), 3U);
  EXPECT_EQ(queue.offer(message("4")), 1U);
  taken.pop_front();
  queue.settle(std::move(taken));
  EXPECT_EQ(queue.offer(message("5")), 0U);
  EXPECT_EQ(queue.take()->subject, "2");
  EXPECT_EQ(queue.take()->subject, "3");
  EXPECT_EQ(queue.take()->subject, "5");
  EXPECT_FALSE(queue.take());
}

}  // namespace
}  // namespace hallway::link
