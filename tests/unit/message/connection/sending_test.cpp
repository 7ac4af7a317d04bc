// SPDX-License-Identifier: Apache-2.0
//
// Sending: appending, back-pressure, and what the queue may hold.
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <hallway/connection.hpp>

#include "loop/task_group.hpp"
#include "support/conversation.hpp"
#include "support/faults.hpp"

namespace hallway {
namespace {

using namespace test;
using namespace std::string_literals;

class sending : public Conversation {
 protected:
  /// Queues until there is no room any more. Gives the bytes queued, framing included.
  std::size_t fill_up(std::size_t size = 1000) {
    const std::string message(size, 'x');
    std::size_t bytes = 0;
    while (true) {
      const Sent sent = ours->try_send(message);
      if (!sent) {
        EXPECT_EQ(sent.outcome(), Outcome::would_block);
        // What one sender may write in one turn is bounded, too: only a turn tells them apart.
        loop.turn();
        if (!ours->try_send(message)) return bytes;
      }
      bytes += size + 1;
    }
  }
};

TEST_F(sending, writes_what_was_sent_in_a_turn_with_one_system_call) {
  start();
  const CallCount calls(sys::Call::sendmsg);
  for (int i = 0; i < 1000; ++i) say("message");
  EXPECT_EQ(calls.calls(), 0U);
  loop.turn();
  EXPECT_EQ(calls.calls(), 1U);
  theirs->collect();
  EXPECT_EQ(theirs->received.size(), 8000U);
}

TEST_F(sending, frames_messages_as_both_sides_agreed) {
  const std::vector<std::pair<Framing, std::string>> streams{
      {Framing::lines(), "a\n\nbc\n"},
      {Framing::null(), "a\0\0bc\0"s},
      {Framing::len32be(), "\0\0\0\1a\0\0\0\0\0\0\0\2bc"s},
      {Framing::len32le(), "\1\0\0\0a\0\0\0\0\2\0\0\0bc"s},
      {Framing::raw(16), "abc"},
  };
  for (const auto& [framing, bytes] : streams) {
    start(SocketType::stream, {.framing = framing});
    for (const char* message : {"a", "", "bc"}) say(message);
    loop.turn();
    theirs->collect();
    EXPECT_EQ(theirs->received, bytes) << framing.to_string();
  }
}

TEST_F(sending, queues_a_message_of_the_limit_and_refuses_one_byte_more) {
  start(SocketType::stream, {.limits = {.max_message = 100}});
  say(std::string(100, 'x'));
  const Sent refused = ours->try_send(std::string(101, 'x'));
  EXPECT_EQ(refused.outcome(), Outcome::failed);
  EXPECT_NE(refused.error().explain().find("101"), std::string::npos) << refused.error().explain();
  say("still usable");
  loop.turn();
  theirs->collect();
  EXPECT_EQ(theirs->received, std::string(100, 'x') + "\nstill usable\n");
}

TEST_F(sending, would_block_when_the_queue_is_full_and_not_before) {
  start();
  EXPECT_GE(fill_up(), Limits{}.outbound_soft);
  EXPECT_GE(ours->unsent_bytes(), Limits{}.outbound_soft);
  EXPECT_LT(ours->unsent_bytes(), Limits{}.outbound_soft + bounds::chunk);
  // A small message that would still fit somewhere must not overtake those who wait.
  EXPECT_EQ(ours->try_send("x").outcome(), Outcome::would_block);
}

TEST_F(sending, would_block_at_a_soft_limit_in_the_middle_of_a_chunk) {
  start(SocketType::stream, {.limits = {.outbound_soft = 10'000}});
  while (ours->try_send(std::string(99, 'x'))) {
  }
  EXPECT_EQ(ours->unsent_bytes(), 10'000U);
}

/// Does it until stderr has a line, which may take a second: others may have printed just before.
std::string first_line_of(const std::function<void()>& action) {
  const auto deadline = Loop::Clock::now() + patience;
  std::string printed;
  while (printed.empty() && Loop::Clock::now() < deadline) {
    testing::internal::CaptureStderr();
    action();
    printed = testing::internal::GetCapturedStderr();
    if (printed.empty()) std::this_thread::sleep_for(10ms);
  }
  return printed;
}

TEST_F(sending, prints_a_failure_that_no_program_looked_at) {
  start(SocketType::stream, {.limits = {.max_message = 3}});
  const std::string printed = first_line_of([this] {
    loop.run([](Connection& connection) -> Task<> { co_await connection.send("four"); }(*ours));
  });
  EXPECT_TRUE(printed.starts_with("hallway: nobody looked at this failure: send to ")) << printed;
  EXPECT_NE(printed.find("a message of 4 bytes is over the limit of 3"), std::string::npos);
  EXPECT_TRUE(first_line_of([this] { (void)ours->try_send("four"); }).ends_with("\n"));
}

TEST_F(sending, prints_no_failure_that_a_program_looked_at_or_that_ended_the_connection) {
  start(SocketType::stream, {.limits = {.max_message = 3}});
  testing::internal::CaptureStderr();
  EXPECT_FALSE(ours->try_send("four"));
  EXPECT_EQ(ours->try_send("four").outcome(), Outcome::failed);
  EXPECT_EQ(ours->try_send("four").error().code, std::errc::message_size);
  Sent moved = ours->try_send("four");
  const Sent kept = std::move(moved);
  EXPECT_FALSE(kept);
  theirs->close();
  (void)ours->try_send("one");
  loop.turn();
  (void)ours->try_send("two");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(sending, has_words_for_a_queue_that_is_full) {
  start();
  Sent sent = ours->try_send(std::string(100'000, 'x'));
  while (sent) sent = ours->try_send(std::string(100'000, 'x'));
  EXPECT_EQ(sent.outcome(), Outcome::would_block);
  EXPECT_EQ(sent.error().code, std::errc::resource_unavailable_try_again);
  EXPECT_EQ(sent.error().operation, "send to");
}

TEST_F(sending, suspends_while_the_queue_is_full_and_resumes_when_it_is_not) {
  start();
  fill_up();
  std::optional<Outcome> outcome;
  loop.spawn(note_send(*ours, "the last", outcome));
  loop.turn();
  EXPECT_FALSE(outcome);
  ASSERT_TRUE(until([&] {
    theirs->collect();
    return outcome.has_value();
  }));
  EXPECT_EQ(outcome, Outcome::ok);
  ASSERT_TRUE(until([&] {
    theirs->collect();
    return theirs->received.ends_with("the last\n");
  }));
}

TEST_F(sending, resumes_suspended_senders_in_their_order) {
  start();
  fill_up();
  std::vector<std::optional<Outcome>> outcomes(20);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    loop.spawn(note_send(*ours, "sender " + std::to_string(i), outcomes[i]));
  }
  ASSERT_TRUE(until([&] {
    theirs->collect();
    return outcomes.back() && ours->unsent_bytes() == 0;
  }));
  theirs->collect();
  std::size_t at = 0;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    at = theirs->received.find("sender " + std::to_string(i) + "\n", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST_F(sending, loses_nothing_under_back_pressure) {
  start();
  constexpr std::size_t total = 20 * mebibyte;
  loop.spawn([](Connection& connection) -> Task<> {
    std::size_t number = 0;
    for (std::size_t sent = 0; sent < total; sent += 1001) {
      std::string message = std::to_string(number++);
      message.resize(1000, '.');
      if (const Sent queued = co_await connection.send(message); !queued) co_return;
    }
    connection.close();
  }(*ours));
  std::size_t number = 0;
  ASSERT_TRUE(until([&] {
    theirs->collect();
    std::string& bytes = theirs->received;
    std::size_t at = 0;
    for (; bytes.size() - at >= 1001; at += 1001) {
      const std::string expected = std::to_string(number++) + ".";
      EXPECT_EQ(bytes.compare(at, expected.size(), expected), 0);
    }
    bytes.erase(0, at);
    return theirs->ended;
  }));
  EXPECT_EQ(number, total / 1001 + 1);
}

TEST_F(sending, completes_a_flush_when_the_kernel_has_everything) {
  start();
  std::optional<Outcome> flushed;
  loop.spawn(note_flush(*ours, flushed));
  EXPECT_EQ(flushed, Outcome::ok);  // nothing to do

  fill_up();
  flushed.reset();
  loop.spawn(note_flush(*ours, flushed));
  loop.turn();
  EXPECT_FALSE(flushed);
  ASSERT_TRUE(until([&] {
    theirs->collect();
    return flushed.has_value();
  }));
  EXPECT_EQ(flushed, Outcome::ok);
  EXPECT_EQ(ours->unsent_bytes(), 0U);
}

TEST_F(sending, flushes_what_fits_at_once) {
  start();
  say("now");
  std::optional<Outcome> flushed;
  loop.spawn(note_flush(*ours, flushed));
  EXPECT_EQ(flushed, Outcome::ok);
  theirs->collect();
  EXPECT_EQ(theirs->received, "now\n");
}

TEST_F(sending, gets_everything_through_a_tiny_send_buffer) {
  for (const SocketType type : {SocketType::stream, SocketType::seqpacket}) {
    start(type, {.framing = Framing::raw()});
    shrink_send_buffer(ours->descriptor());
    std::string expected;
    loop.spawn([](Connection& connection, std::string& sent) -> Task<> {
      for (std::size_t i = 0; i < 500; ++i) {
        const std::string message(i % 1500 + 1, static_cast<char>('a' + i % 26));
        sent += message;
        co_await connection.send(message);
      }
      connection.close();
    }(*ours, expected));
    ASSERT_TRUE(until_they_see_the_end());
    EXPECT_EQ(theirs->received, expected);
  }
}

TEST_F(sending, gets_everything_through_when_every_write_takes_one_byte) {
  start();
  const OneByte slow(sys::Call::sendmsg);
  say("one");
  say("two");
  ours->close();
  ASSERT_TRUE(until_they_see_the_end());
  EXPECT_EQ(theirs->received, "one\ntwo\n");
  EXPECT_GE(slow.calls(), 8U);
}

TEST_F(sending, goes_on_after_the_kernel_was_out_of_buffers) {
  start();
  for (const int error : {EAGAIN, ENOBUFS}) {
    const FaultOn fault(sys::Call::sendmsg, 1, error);
    say("message");
    loop.turn();
  }
  EXPECT_TRUE(until_they_have(16));
}

TEST_F(sending, finds_out_that_the_peer_is_gone) {
  start();
  theirs->close();
  say("into the void");
  loop.turn();
  const Sent sent = ours->try_send("more");
  EXPECT_EQ(sent.outcome(), Outcome::peer_gone);
  EXPECT_NE(sent.error().explain().find("closed the connection"), std::string::npos);
  std::optional<Outcome> outcome;
  loop.spawn(note_send(*ours, "more", outcome));
  EXPECT_EQ(outcome, Outcome::peer_gone);
  outcome.reset();
  loop.spawn(note_flush(*ours, outcome));
  EXPECT_EQ(outcome, Outcome::peer_gone);
}

TEST_F(sending, notifies_suspended_senders_that_the_peer_is_gone) {
  start();
  fill_up();
  std::optional<Outcome> sent;
  std::optional<Outcome> flushed;
  loop.spawn(note_send(*ours, "x", sent));
  loop.spawn(note_flush(*ours, flushed));
  theirs->close();
  ASSERT_TRUE(until([&] { return sent && flushed; }));
  EXPECT_EQ(sent, Outcome::peer_gone);
  EXPECT_EQ(flushed, Outcome::peer_gone);
}

TEST_F(sending, still_gives_what_the_peer_had_said_before_it_went) {
  start();
  theirs->send("last words\n");
  theirs->close();
  say("too late");
  loop.turn();
  listen();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.messages, std::vector{"last words"s});
}

TEST_F(sending, cuts_a_peer_that_never_reads_after_the_soft_time) {
  start(SocketType::stream, {.limits = {.outbound_soft = 100'000, .outbound_soft_time = 10ms}});
  listen();
  fill_up();
  std::optional<Outcome> outcome;
  loop.spawn(note_send(*ours, "x", outcome));
  ASSERT_TRUE(until([&] { return outcome && log.end; }));
  EXPECT_EQ(outcome, Outcome::failed);
  EXPECT_EQ(log.end, Outcome::failed);
  EXPECT_NE(log.why.find("reads too slowly"), std::string::npos) << log.why;
}

TEST_F(sending, cuts_a_peer_that_reads_a_little_now_and_then_after_the_soft_time) {
  start(SocketType::stream,
        {.limits = {.outbound_soft = 1000, .outbound_soft_time = 50ms, .send_buffer = 0}});
  shrink_send_buffer(ours->descriptor());
  listen();
  say(std::string(900'000, 'x'));
  EXPECT_TRUE(until([&] {
    raw_receive(theirs->get(), 1000);
    return log.end.has_value();
  }));
  EXPECT_NE(log.why.find("reads too slowly"), std::string::npos) << log.why;
}

TEST_F(sending, spares_a_peer_that_catches_up_before_the_soft_time_is_over) {
  EXPECT_TRUE(holds_with_some_clock([this](Duration clock) {
    start(SocketType::stream, {.limits = {.outbound_soft = 100'000, .outbound_soft_time = clock}});
    listen();
    const auto before = Loop::Clock::now();
    while (!log.end && Loop::Clock::now() - before < 2 * clock) {
      while (ours->try_send(std::string(1000, 'x'))) {
      }
      until([&] {
        theirs->collect();
        theirs->received.clear();
        return log.end || ours->unsent_bytes() == 0;
      });
    }
    return !log.end;
  }));
}

TEST_F(sending, is_cancelled_by_destroying_the_task) {
  start();
  fill_up();
  {
    detail::TaskGroup group(loop.core());
    std::optional<Outcome> outcome;
    group.spawn(note_send(*ours, "never", outcome));
    group.spawn(note_flush(*ours, outcome));
  }
  ASSERT_TRUE(until([&] {
    theirs->collect();
    return ours->unsent_bytes() == 0;
  }));
  theirs->collect();
  EXPECT_EQ(theirs->received.find("never"), std::string::npos);
}

TEST_F(sending, is_cancelled_by_closing) {
  start();
  fill_up();
  std::optional<Outcome> outcome;
  loop.spawn(note_send(*ours, "never", outcome));
  ours->close();
  ASSERT_TRUE(until([&] { return outcome.has_value(); }));
  EXPECT_EQ(outcome, Outcome::closed);
  EXPECT_EQ(ours->try_send("x").outcome(), Outcome::closed);
}

TEST_F(sending, counts_messages_and_bytes) {
  start();
  say("one");
  say("two");
  EXPECT_EQ(ours->counters().messages_sent, 2U);
  EXPECT_EQ(ours->counters().bytes_sent, 0U);
  EXPECT_EQ(ours->unsent_bytes(), 8U);
  loop.turn();
  EXPECT_EQ(ours->counters().bytes_sent, 8U);
  EXPECT_EQ(ours->unsent_bytes(), 0U);
}

TEST_F(sending, gives_other_tasks_their_turn_while_one_never_stops) {
  start();
  bool other_ran = false;
  std::size_t sent = 0;
  loop.spawn([](Connection& connection, const bool& stop, std::size_t& count) -> Task<> {
    const std::string message(10'000, 'x');
    while (!stop) {
      if (const Sent queued = co_await connection.send(message); !queued) co_return;
      ++count;
    }
  }(*ours, other_ran, sent));
  loop.spawn([](Loop& on, bool& ran) -> Task<> {
    co_await on.sleep(1ms);
    ran = true;
  }(loop, other_ran));
  ASSERT_TRUE(until([&] {
    theirs->collect();
    theirs->received.clear();
    return other_ran;
  }));
}

TEST_F(sending, leaves_the_turn_to_others_after_its_share_however_fast_the_peer_reads) {
  start();
  const AtCall reading(sys::Call::sendmsg, [this] { theirs->collect(); });
  const std::string message(10'000, 'x');
  std::size_t sent = 0;
  while (sent < 16 * mebibyte && ours->try_send(message)) sent += message.size();
  EXPECT_GT(ours->counters().bytes_sent, 0U);
  EXPECT_LT(sent, 2 * mebibyte);
  loop.turn();
  EXPECT_TRUE(ours->try_send(message));
}

// Requests ----------------------------------------------------------------------------------------

TEST_F(sending, asks_and_gets_its_answer) {
  start();
  theirs->send("pong\n");
  loop.run([](Connection& connection) -> Task<> {
    Received reply = co_await connection.request("ping");
    EXPECT_EQ(reply->bytes(), "pong");
  }(*ours));
  loop.turn();
  theirs->collect();
  EXPECT_EQ(theirs->received, "ping\n");
}

TEST_F(sending, gives_up_on_an_answer_after_its_deadline) {
  start();
  loop.run([](Connection& connection) -> Task<> {
    const Received reply = co_await connection.request("ping", 3ms);
    EXPECT_EQ(reply.outcome(), Outcome::timed_out);
  }(*ours));
}

TEST_F(sending, asks_no_source_that_is_gone) {
  start();
  theirs->close();
  loop.run([](Connection& connection) -> Task<> {
    const Received reply = co_await connection.request("ping", 10s);
    EXPECT_FALSE(reply);
    EXPECT_TRUE(reply.outcome() == Outcome::end_of_stream || reply.outcome() == Outcome::peer_gone);
  }(*ours));
}

}  // namespace
}  // namespace hallway
