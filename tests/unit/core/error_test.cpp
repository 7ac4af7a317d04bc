// SPDX-License-Identifier: Apache-2.0
#include <hallway/error.hpp>

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

namespace hallway {
namespace {

Error refused() {
  return {std::make_error_code(std::errc::connection_refused), "connect", "unix:/tmp/x", {}, {}};
}

TEST(error, explains_operation_subject_and_the_words_of_its_code) {
  EXPECT_EQ(refused().explain(), "connect unix:/tmp/x: Connection refused");
}

TEST(error, prefers_its_own_reason_to_the_words_of_the_code) {
  Error error = refused();
  error.reason = "no server is listening";
  EXPECT_EQ(error.why(), "no server is listening");
  EXPECT_EQ(error.explain(), "connect unix:/tmp/x: no server is listening");
}

TEST(error, keeps_its_subject_as_it_is_and_escapes_it_in_the_sentence) {
  Error error = refused();
  error.subject = "unix:/a\x01\xff";
  EXPECT_EQ(error.explain(), "connect unix:/a\\x01\\xff: Connection refused");
}

TEST(error, leaves_out_a_subject_it_does_not_have) {
  Error error = refused();
  error.subject.clear();
  EXPECT_EQ(error.explain(), "connect: Connection refused");
}

TEST(error, without_a_code_and_a_reason_is_a_notice) {
  EXPECT_EQ((Error{{}, "reconnected to", "unix:/tmp/x", {}, {}}).explain(),
            "reconnected to unix:/tmp/x");
}

TEST(error, without_an_operation_begins_with_its_subject) {
  Error error = refused();
  error.operation.clear();
  EXPECT_EQ(error.explain(), "unix:/tmp/x: Connection refused");
}

TEST(error, compares_with_std_errc) {
  EXPECT_EQ(refused().code, std::errc::connection_refused);
  EXPECT_NE(refused().code, std::errc::permission_denied);
}

TEST(error, does_not_put_the_hint_into_the_sentence) {
  Error error = refused();
  error.hint = "start the server";
  EXPECT_EQ(error.explain(), "connect unix:/tmp/x: Connection refused");
}

TEST(report, prints_the_sentence_and_the_hint_on_stderr_and_gives_1) {
  Error error = refused();
  error.hint = "start the server";
  testing::internal::CaptureStderr();
  EXPECT_EQ(report(error), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "connect unix:/tmp/x: Connection refused\nhint: start the server\n");
}

TEST(report, prints_one_line_without_a_hint) {
  testing::internal::CaptureStderr();
  report(refused());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "connect unix:/tmp/x: Connection refused\n");
}

TEST(outcome, has_words_of_its_own_for_every_value) {
  constexpr std::array all{
      Outcome::ok,        Outcome::would_block, Outcome::timed_out, Outcome::end_of_stream,
      Outcome::peer_gone, Outcome::closed,      Outcome::truncated, Outcome::no_responders,
      Outcome::failed};
  std::set<std::string_view> words;
  for (const Outcome outcome : all) words.insert(to_string(outcome));
  EXPECT_EQ(words.size(), all.size());
  EXPECT_EQ(to_string(Outcome::end_of_stream), "end of stream");
  EXPECT_FALSE(words.contains("unknown outcome"));
}

}  // namespace
}  // namespace hallway
