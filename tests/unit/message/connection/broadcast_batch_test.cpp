// SPDX-License-Identifier: Apache-2.0
#include "message/connection/broadcast_batch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace hallway::detail {
namespace {

class broadcast_batch : public testing::Test {
 protected:
  static auto writes(std::string_view bytes) {
    return [bytes](char* at) { return std::ranges::copy(bytes, at).out; };
  }
  SharedBytes write(std::string_view bytes) {
    batch.reserve(bytes.size());
    return batch.write(writes(bytes));
  }
  static std::string bytes_of(const SharedBytes& range) {
    return {range.chunk.data() + range.begin, range.end - range.begin};
  }

  BroadcastBatch batch;
};

TEST_F(broadcast_batch, takes_nothing_before_it_holds_a_range) {
  EXPECT_FALSE(batch.takes(0));
  EXPECT_EQ(batch.take().messages, 0U);
}

TEST_F(broadcast_batch, gives_messages_that_were_appended_as_one_range) {
  batch.hold(write("a"), true);
  for (const char* message : {"bc", "d"}) {
    ASSERT_TRUE(batch.takes(2));
    batch.append(writes(message));
  }
  const SharedBytes range = batch.take();
  EXPECT_EQ(bytes_of(range), "abcd");
  EXPECT_EQ(range.messages, 3U);
  EXPECT_FALSE(batch.takes(0));
  EXPECT_EQ(batch.take().messages, 0U);
}

TEST_F(broadcast_batch, can_hold_a_range_that_begins_behind_a_message) {
  const SharedBytes first = write("a");
  batch.hold({first.chunk, first.end, first.end, 0}, true);
  batch.append(writes("b"));
  EXPECT_EQ(bytes_of(first), "a");
  EXPECT_EQ(bytes_of(batch.take()), "b");
}

TEST_F(broadcast_batch, appends_nothing_to_a_closed_range) {
  batch.hold(write("a"), false);
  EXPECT_FALSE(batch.takes(0));
  EXPECT_EQ(bytes_of(batch.take()), "a");
}

TEST_F(broadcast_batch, takes_what_fits_into_its_chunk) {
  batch.hold(write("a"), true);
  EXPECT_TRUE(batch.takes(bounds::chunk - 1));
  EXPECT_FALSE(batch.takes(bounds::chunk));
}

TEST_F(broadcast_batch, closes_a_range_when_it_begins_a_new_chunk) {
  batch.hold(write("a"), true);
  batch.reserve(bounds::chunk);
  EXPECT_FALSE(batch.takes(0));
  const SharedBytes next = batch.write(writes("b"));
  EXPECT_EQ(bytes_of(batch.take()), "a");
  EXPECT_EQ(bytes_of(next), "b");
}

}  // namespace
}  // namespace hallway::detail
