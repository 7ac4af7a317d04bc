// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <hallway.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>

#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>
#include <hallway/version.hpp>

#include "unit/c/using_c.hpp"

namespace hallway {
namespace {

using namespace test;

TEST(c_values, outcomes_have_the_numbers_of_the_outcomes_in_cpp) {
  EXPECT_EQ(HALLWAY_OK, static_cast<int>(Outcome::ok));
  EXPECT_EQ(HALLWAY_WOULD_BLOCK, static_cast<int>(Outcome::would_block));
  EXPECT_EQ(HALLWAY_TIMED_OUT, static_cast<int>(Outcome::timed_out));
  EXPECT_EQ(HALLWAY_END_OF_STREAM, static_cast<int>(Outcome::end_of_stream));
  EXPECT_EQ(HALLWAY_PEER_GONE, static_cast<int>(Outcome::peer_gone));
  EXPECT_EQ(HALLWAY_CLOSED, static_cast<int>(Outcome::closed));
  EXPECT_EQ(HALLWAY_TRUNCATED, static_cast<int>(Outcome::truncated));
  EXPECT_EQ(HALLWAY_NO_RESPONDERS, static_cast<int>(Outcome::no_responders));
  EXPECT_EQ(HALLWAY_FAILED, static_cast<int>(Outcome::failed));
}

TEST(c_values, every_outcome_has_words_of_its_own) {
  std::array<std::string, HALLWAY_OUT_OF_MEMORY + 1> words;
  for (hallway_outcome outcome = 0; outcome <= HALLWAY_OUT_OF_MEMORY; ++outcome) {
    words.at(static_cast<std::size_t>(outcome)) = hallway_outcome_text(outcome);
    for (hallway_outcome other = 0; other < outcome; ++other) {
      EXPECT_NE(words.at(static_cast<std::size_t>(outcome)),
                words.at(static_cast<std::size_t>(other)));
    }
  }
  EXPECT_EQ(words[HALLWAY_OK], "ok");
  EXPECT_EQ(words[HALLWAY_END_OF_STREAM], "end of stream");
  EXPECT_STRNE(hallway_outcome_text(77), "") << "a value of a later version";
}

TEST(c_values, the_versions_are_those_of_this_library) {
  EXPECT_EQ(hallway_version(), std::string(version));
  EXPECT_EQ(hallway_abi_version(), HALLWAY_ABI_VERSION);
}

TEST(c_values, a_text_is_a_view_without_its_nul_byte) {
  EXPECT_EQ(text_of(hallway_text("five!")), "five!");
  EXPECT_EQ(hallway_text("").size, 0U);
  EXPECT_EQ(hallway_text(nullptr).size, 0U);
}

class c_error : public testing::Test {
 protected:
  hallway_outcome connect_to_nothing(hallway_error** error) {
    hallway_client* client = nullptr;
    const hallway_outcome outcome =
        hallway_client_connect((directory / "nothing").c_str(), nullptr, nullptr, &client, error);
    EXPECT_EQ(client, nullptr);
    return outcome;
  }
  TempDirectory directory;
  Why why;
};

TEST_F(c_error, says_what_failed_on_what_why_and_what_to_do) {
  EXPECT_FAILS(ENOENT, connect_to_nothing(why));
  EXPECT_STREQ(hallway_error_operation(why.get()), "connect");
  EXPECT_EQ(hallway_error_subject(why.get()), "unix:" + (directory / "nothing"));
  EXPECT_STRNE(hallway_error_reason(why.get()), "");
  EXPECT_NE(hallway_error_hint(why.get()), nullptr);
  EXPECT_EQ(why.explain(),
            "connect unix:" + (directory / "nothing") + ": " + hallway_error_reason(why.get()));
}

TEST_F(c_error, may_be_left_out) { EXPECT_EQ(connect_to_nothing(nullptr), HALLWAY_FAILED); }

TEST_F(c_error, is_reported_with_its_hint_and_freed) {
  hallway_error* error = nullptr;
  EXPECT_EQ(connect_to_nothing(&error), HALLWAY_FAILED);
  std::string expected = std::string(hallway_error_explain(error)) + "\n";
  if (const std::string hint = hallway_error_hint(error); !hint.empty()) {
    expected += "hint: " + hint + "\n";
  }
  testing::internal::CaptureStderr();
  EXPECT_EQ(hallway_report(error), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), expected);
}

TEST_F(c_error, that_is_null_is_not_reported) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(hallway_report(nullptr), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  hallway_error_free(nullptr);
}

TEST_F(c_error, of_an_ordinary_outcome_is_a_constant_that_nobody_has_to_free) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  hallway_client* made = nullptr;
  ASSERT_OK(hallway_client_adopt(near.release(), nullptr, nullptr, &made, why));
  const OwnedClient client(made);
  hallway_view message;
  std::size_t count = 0;
  hallway_error* error = nullptr;
  ASSERT_EQ(hallway_client_receive(made, &message, 1, &count, 0, &error), HALLWAY_TIMED_OUT);
  hallway_error* again = nullptr;
  ASSERT_EQ(hallway_client_receive(made, &message, 1, &count, 0, &again), HALLWAY_TIMED_OUT);
  EXPECT_EQ(error, again);
  EXPECT_NE(hallway_error_code(error), 0);
  EXPECT_STRNE(hallway_error_explain(error), "");
  hallway_error_free(error);
  hallway_error_free(error);
  EXPECT_STRNE(hallway_error_reason(error), "");
}

TEST_F(c_error, is_not_touched_by_a_call_that_works) {
  auto* const untouched = reinterpret_cast<hallway_error*>(&why);
  hallway_error* error = untouched;
  int first = -1;
  int second = -1;
  ASSERT_EQ(hallway_socket_pair(HALLWAY_STREAM, &first, &second, &error), HALLWAY_OK);
  EXPECT_EQ(error, untouched);
  const Descriptor near = Descriptor::adopt(first);
  const Descriptor far = Descriptor::adopt(second);
  EXPECT_TRUE(is_close_on_exec(first));
  EXPECT_TRUE(is_close_on_exec(second));
}

}  // namespace
}  // namespace hallway
