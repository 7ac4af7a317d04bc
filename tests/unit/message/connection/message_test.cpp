// SPDX-License-Identifier: Apache-2.0
#include <hallway/message.hpp>

#include <gtest/gtest.h>

#include <iomanip>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

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

TEST(message, becomes_a_string_where_one_is_wanted) {
  const Message message("bytes");
  std::string kept = message;
  EXPECT_EQ(kept, "bytes");
  kept = Message("others");
  EXPECT_EQ(kept, "others");
  const auto length = [](const std::string& text) { return text.size(); };
  EXPECT_EQ(length(message), 5U);
  std::vector<std::string> list{message};
  list.push_back(message);
  list.emplace_back(message);
  EXPECT_EQ(list, (std::vector<std::string>(3, "bytes")));
}

TEST(message, is_printed_escaped_and_keeps_its_bytes) {
  const Message message("\x1b[2Jred");
  std::ostringstream printed;
  printed << message << '|' << std::setw(5) << Message("x") << '|';
  EXPECT_EQ(printed.str(), printable("\x1b[2Jred") + "|    x|");
  EXPECT_EQ(message.bytes(), "\x1b[2Jred");
}

TEST(message, may_be_empty) {
  const Message message;
  EXPECT_TRUE(message.empty());
  EXPECT_EQ(message.size(), 0U);
  EXPECT_TRUE(message.descriptors().empty());
}

TEST(received, explains_that_nothing_has_arrived_before_anything_was_received) {
  const Received none;
  EXPECT_EQ(none.outcome(), Outcome::would_block);
  EXPECT_EQ(none.error().code, std::errc::resource_unavailable_try_again);
  EXPECT_EQ(none.error().operation, "receive from");
}

TEST(received, is_true_only_with_a_message) {
  EXPECT_TRUE(Received(Message("x")));
  EXPECT_EQ(Received(Message("x")).outcome(), Outcome::ok);
  EXPECT_EQ(Received(Message("x")).error().code, std::error_code());
  for (const Outcome outcome : {Outcome::would_block, Outcome::timed_out, Outcome::end_of_stream,
                                Outcome::peer_gone, Outcome::closed, Outcome::failed}) {
    const Received received(outcome);
    EXPECT_FALSE(received) << to_string(outcome);
    EXPECT_EQ(received.outcome(), outcome);
    EXPECT_TRUE(received.error().code) << to_string(outcome);
  }
  EXPECT_FALSE(Received());
}

}  // namespace
}  // namespace hallway
