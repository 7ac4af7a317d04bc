// SPDX-License-Identifier: Apache-2.0
#include "tool/bench/bench_payload.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace hallway::tool {

namespace {

TEST(Payload, a_message_carries_as_much_of_its_number_as_it_has_room_for) {
  for (const std::size_t size : {1UZ, 2UZ, 15UZ, 16UZ, 17UZ, 64UZ, 5000UZ}) {
    Payload payload(size);
    for (const std::uint64_t number : {0UL, 1UL, 15UL, 16UL, 123'456'789UL, UINT64_MAX}) {
      const std::string message(payload.write(number));
      EXPECT_EQ(message.size(), size);
      EXPECT_EQ(payload.read(message), number & payload.mask()) << size;
    }
  }
  EXPECT_EQ(Payload(1).mask(), 0xFU);
  EXPECT_EQ(Payload(15).mask(), UINT64_MAX >> 4);
  EXPECT_EQ(Payload(16).mask(), UINT64_MAX);
}

TEST(Payload, what_differs_in_any_byte_or_in_length_is_none) {
  Payload payload(20);
  const std::string message(payload.write(42));
  for (std::size_t at = 0; at < message.size(); ++at) {
    std::string other = message;
    other[at] = '!';
    EXPECT_FALSE(payload.read(other)) << at;
  }
  EXPECT_FALSE(payload.read(message.substr(1)));
  EXPECT_FALSE(payload.read(message + "."));
  EXPECT_FALSE(payload.read(""));
  EXPECT_FALSE(payload.read(payload.probe()));
}

TEST(Payload, no_message_holds_what_a_framing_or_a_server_could_take_for_its_own) {
  Payload payload(4);
  for (std::uint64_t number = 0; number < 0x10000; ++number) {
    for (const char letter : payload.write(number)) {
      EXPECT_TRUE((letter >= '0' && letter <= '9') || (letter >= 'A' && letter <= 'F')) << letter;
    }
  }
}

}  // namespace

}  // namespace hallway::tool
