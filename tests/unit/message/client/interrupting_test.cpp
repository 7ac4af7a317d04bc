// SPDX-License-Identifier: Apache-2.0
//
// Each wait of a blocking client, ended by an Interrupt, and the client afterwards.
#include <hallway/client.hpp>
#include <hallway/interrupt.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "support/faults.hpp"
#include "support/interruption.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;

class interrupting : public testing::TestWithParam<InterruptedBy> {
 protected:
  void start(ConnectionOptions options = {}) {
    auto [near, far] = raw_pair(SOCK_STREAM);
    auto adopted = Client::adopt(std::move(near), std::move(options), interruption.get());
    ASSERT_TRUE(adopted);
    ours.emplace(std::move(*adopted));
    theirs.emplace(std::move(far));
  }

  /// Makes a call, which waits, and interrupts it.
  template <typename Call>
  void interrupt(Call call) {
    const auto result = interruption.during(call);
    EXPECT_EQ(result.outcome(), Outcome::failed);
    EXPECT_EQ(result.error().code, std::errc::interrupted);
    EXPECT_EQ(result.error().reason, "interrupted by this program");
    EXPECT_FALSE(result.error().operation.empty() || result.error().subject.empty());
    interruption.over();
  }

  /// The client sends, receives and gets answers.
  void expect_usable() {
    theirs->received.clear();
    EXPECT_TRUE(ours->send("still", patience));
    theirs->collect();
    EXPECT_EQ(theirs->received, "still\n");
    theirs->send("here\n");
    EXPECT_EQ(ours->receive(patience)->bytes(), "here");
  }

  TempDirectory directory{0755};
  std::string path = directory / "s";
  Interruption interruption{GetParam()};
  std::optional<Client> ours;
  std::optional<RawStream> theirs;
};

INSTANTIATE_TEST_SUITE_P(by, interrupting,
                         testing::Values(InterruptedBy::trigger, InterruptedBy::signal),
                         testing::PrintToStringParamName());

TEST_P(interrupting, ends_a_connect_while_no_server_listens) {
  const auto made = interruption.during(
      [&] { return Client::connect(path, {.retry_for = patience}, interruption.get()); });
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, std::errc::interrupted);
  EXPECT_EQ(made.error().explain(), "connect unix:" + path + ": interrupted by this program");
}

TEST_P(interrupting, ends_a_connect_while_the_backlog_is_full) {
  const Descriptor server = raw_listening(SOCK_STREAM, path, 0);
  const Descriptor queued = raw_connected(SOCK_STREAM, path);
  const auto made = interruption.during(
      [&] { return Client::connect(path, {.timeout = patience}, interruption.get()); });
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, std::errc::interrupted);
}

TEST_P(interrupting, ends_a_receive_and_keeps_what_had_arrived_of_its_message) {
  start();
  theirs->send("hal");
  interrupt([&] { return ours->receive(patience); });
  theirs->send("f\n");
  EXPECT_EQ(ours->receive(patience)->bytes(), "half");
  expect_usable();
}

TEST_P(interrupting, ends_the_wait_for_an_answer) {
  start();
  interrupt([&] { return ours->request("question", patience); });
  theirs->collect();
  EXPECT_EQ(theirs->received, "question\n");
  theirs->send("late\n");
  EXPECT_EQ(ours->receive(patience)->bytes(), "late");
  expect_usable();
}

TEST_P(interrupting, ends_a_send_and_keeps_the_rest_of_its_message_queued) {
  start({.limits = {.send_buffer = 0}});
  const std::string large(1'000'000, 'x');
  interrupt([&] { return ours->send(large, patience); });
  interrupt([&] { return ours->send("not queued", patience); });  // still no room
  Sent sent = ours->send("next", 0ms);
  while (!sent) {
    theirs->collect();
    sent = ours->send("next", 0ms);
  }
  theirs->collect();
  EXPECT_EQ(theirs->received, large + "\nnext\n");
  expect_usable();
}

TEST_P(interrupting, ends_a_request_that_cannot_be_written) {
  start({.limits = {.send_buffer = 0}});
  const std::string large(1'000'000, 'x');
  interrupt([&] { return ours->request(large, patience); });
}

TEST_P(interrupting, ends_a_send_that_waits_for_the_kernels_memory) {
  start();
  {
    const FaultOn fault(sys::Call::sendmsg, 1, ENOBUFS, FaultOn::always);
    interrupt([&] { return ours->send("message", patience); });
  }
  EXPECT_TRUE(ours->confirm(0ms).outcome() == Outcome::timed_out);  // written, and not read
  theirs->collect();
  EXPECT_EQ(theirs->received, "message\n");
  expect_usable();
}

TEST_P(interrupting, ends_a_confirm) {
  start();
  ASSERT_TRUE(ours->send("message"));
  interrupt([&] { return ours->confirm(patience); });
  theirs->collect();
  EXPECT_TRUE(ours->confirm(patience));
  expect_usable();
}

TEST_P(interrupting, leaves_calls_alone_that_need_not_wait) {
  start();
  interrupt([&] { return ours->receive(patience); });
  interruption.get()->trigger();
  expect_usable();
  EXPECT_EQ(ours->receive(patience).error().code, std::errc::interrupted);
}

TEST(interrupted_client, leaves_the_words_of_its_end_to_a_failed_poll) {
  auto interrupt = Interrupt::create();
  auto [near, far] = raw_pair(SOCK_STREAM);
  auto ours = Client::adopt(std::move(near), {}, &*interrupt);
  const FaultOn fault(sys::Call::poll, 1, ENOMEM);
  const Received received = ours->receive(patience);
  EXPECT_EQ(received.outcome(), Outcome::failed);
  EXPECT_EQ(received.error().code, std::errc::not_enough_memory);
}

TEST(interrupted_client, prints_a_send_whose_result_nobody_looked_at) {
  auto interrupt = Interrupt::create();
  auto [near, far] = raw_pair(SOCK_STREAM);
  auto ours = Client::adopt(std::move(near), {.limits = {.send_buffer = 0}}, &*interrupt);
  interrupt->trigger();
  testing::internal::CaptureStderr();
  ours->send(std::string(1'000'000, 'x'));
  EXPECT_NE(testing::internal::GetCapturedStderr().find("interrupted by this program"),
            std::string::npos);
}

}  // namespace
}  // namespace hallway
