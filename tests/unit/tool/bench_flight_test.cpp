// SPDX-License-Identifier: Apache-2.0
#include "tool/bench/bench_flight.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>

namespace hallway::tool {

namespace {

constexpr std::uint64_t sixteen = 0xF;  // what a message of one byte tells of its number

Moment at(int nanoseconds) { return Moment(std::chrono::nanoseconds(nanoseconds)); }

Arrivals arrivals_of(std::initializer_list<std::uint64_t> numbers, std::uint64_t departed,
                     std::uint64_t mask = UINT64_MAX) {
  Arrivals arrivals;
  for (const std::uint64_t number : numbers) arrivals.classify(number & mask, mask, departed);
  return arrivals;
}

TEST(Flight, a_message_is_on_its_way_until_every_receiver_has_it) {
  Flight flight(2);
  flight.depart(at(1));
  flight.depart(at(2));
  EXPECT_EQ(flight.departed(), 2U);
  EXPECT_EQ(flight.arrive(0), at(1));
  EXPECT_EQ(flight.arrive(1), at(2));
  EXPECT_EQ(flight.arrive(1), at(2));
  EXPECT_EQ(flight.size(), 2U) << "the first one is still missing somewhere";
  EXPECT_EQ(flight.oldest(), at(1));
  EXPECT_EQ(flight.arrive(0), at(1));
  EXPECT_EQ(flight.size(), 0U);
  flight.depart(at(3));
  EXPECT_EQ(flight.departed(), 3U);
  EXPECT_EQ(flight.arrive(2), at(3));
}

TEST(Arrivals, in_order_nothing_is_amiss) {
  for (const std::uint64_t mask : {sixteen, UINT64_MAX}) {
    Arrivals arrivals;
    for (std::uint64_t number = 0; number < 1000; ++number) {
      const auto arrival = arrivals.classify(number & mask, mask, number + 1);
      EXPECT_EQ(arrival.kind, Arrivals::Kind::next);
      EXPECT_EQ(arrival.first, number);
      EXPECT_EQ(arrival.number, number);
    }
    EXPECT_EQ(arrivals.settled(), 1000U);
    EXPECT_EQ(arrivals.lost() + arrivals.reordered() + arrivals.repeated(), 0U);
  }
}

TEST(Arrivals, what_is_left_out_is_lost) {
  Arrivals arrivals = arrivals_of({0, 1}, 10);
  const auto arrival = arrivals.classify(5, UINT64_MAX, 10);
  EXPECT_EQ(arrival.kind, Arrivals::Kind::next);
  EXPECT_EQ(arrival.first, 2U);
  EXPECT_EQ(arrival.number, 5U);
  EXPECT_EQ(arrivals.lost(), 3U);
  EXPECT_EQ(arrivals.settled(), 6U);
}

TEST(Arrivals, what_comes_late_is_not_lost_but_out_of_order) {
  for (const std::uint64_t mask : {sixteen, UINT64_MAX}) {
    const Arrivals arrivals = arrivals_of({0, 2, 1, 3}, 4, mask);
    EXPECT_EQ(arrivals.lost(), 0U);
    EXPECT_EQ(arrivals.reordered(), 1U);
    EXPECT_EQ(arrivals.settled(), 4U);
  }
}

TEST(Arrivals, what_is_doubled_is_not_taken_for_what_is_lost) {
  const Arrivals arrivals = arrivals_of({0, 2, 2, 3}, 4);
  EXPECT_EQ(arrivals.lost(), 1U);
  EXPECT_EQ(arrivals.reordered(), 0U);
  EXPECT_EQ(arrivals.repeated(), 1U);
}

TEST(Arrivals, a_great_gap_takes_no_more_room_than_a_small_one) {
  constexpr std::uint64_t many = 10'000'000;
  Arrivals arrivals = arrivals_of({many - 1}, many);
  EXPECT_EQ(arrivals.lost(), many - 1);
  EXPECT_EQ(arrivals.classify(many - 2, UINT64_MAX, many).kind, Arrivals::Kind::late);
  EXPECT_EQ(arrivals.classify(0, UINT64_MAX, many).kind, Arrivals::Kind::repeated);
  EXPECT_EQ(arrivals.lost(), many - 2);
}

TEST(Arrivals, what_came_before_or_was_never_sent_is_repeated) {
  const Arrivals arrivals = arrivals_of({0, 1, 1, 2, 7}, 3);
  EXPECT_EQ(arrivals.lost(), 0U);
  EXPECT_EQ(arrivals.reordered(), 0U);
  EXPECT_EQ(arrivals.repeated(), 2U);
  EXPECT_EQ(arrivals.settled(), 3U);
}

}  // namespace

}  // namespace hallway::tool
