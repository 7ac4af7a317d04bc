// SPDX-License-Identifier: Apache-2.0
#include <hallway/message.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace hallway {
namespace {

TEST(message, is_compared_as_its_bytes) {
  const Message message("quit");
  EXPECT_TRUE(message == "quit");
  EXPECT_TRUE(message == std::string("quit"));
  EXPECT_TRUE("quit" == message);
  EXPECT_FALSE(message == "quit ");
}

TEST(message, is_taken_where_bytes_are_wanted) {
  const Message message("bytes");
  const ByteView view = message;
  EXPECT_EQ(view, "bytes");
  EXPECT_EQ(view.data(), message.bytes().data());
}

TEST(message, is_kept_by_owning_it) {
  std::string buffer = "first";
  const Message message(buffer);
  const std::string kept = message.to_owned();
  buffer = "other";
  EXPECT_EQ(kept, "first");
}

TEST(message, may_be_empty) {
  const Message message;
  EXPECT_TRUE(message.empty());
  EXPECT_EQ(message.size(), 0U);
  EXPECT_TRUE(message.descriptors().empty());
}

TEST(received, has_no_error_to_tell_before_anything_was_received) {
  const Error none = Received().error();
  EXPECT_FALSE(none.code);
  EXPECT_EQ(none.operation, "");
}

TEST(received, is_true_only_with_a_message) {
  EXPECT_TRUE(Received(Outcome::ok, Message("x"), nullptr));
  for (const Outcome outcome :
       {Outcome::would_block, Outcome::timed_out, Outcome::end_of_stream, Outcome::peer_gone,
        Outcome::closed, Outcome::truncated, Outcome::failed}) {
    EXPECT_FALSE(Received(outcome, Message(), nullptr)) << to_string(outcome);
  }
  EXPECT_FALSE(Received());
}

}  // namespace
}  // namespace hallway
