// SPDX-License-Identifier: Apache-2.0
//
// What a connection receives, from a peer that speaks plain sockets.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hallway/connection.hpp>

#include "loop/task_group.hpp"
#include "support/conversation.hpp"
#include "support/faults.hpp"
#include "sys/event.hpp"

namespace hallway {
namespace {

using namespace test;
using namespace std::string_literals;
using Messages = std::vector<std::string>;

class receiving : public Conversation {};

TEST_F(receiving, gives_one_message_after_the_other_and_then_the_end) {
  start();
  listen();
  theirs->send("one\ntwo\r\n\nlast");
  theirs->close();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.messages, (Messages{"one", "two", "", "last"}));
  EXPECT_EQ(log.end, Outcome::end_of_stream);
}

TEST_F(receiving, does_not_suspend_while_a_whole_message_is_buffered) {
  start();
  theirs->send("one\ntwo\nthree\n");
  int received = 0;
  loop.spawn([](Connection& connection, int& count) -> Task<> {
    while (auto message = co_await connection.receive()) ++count;
  }(*ours, received));
  // One turn reads all three, and one more hands them all out.
  loop.turn(1s);
  EXPECT_EQ(received, 3);
}

TEST_F(receiving, understands_every_framing) {
  const std::vector<std::pair<Framing, std::string>> streams{
      {Framing::lines(), "a\nbc\n"},
      {Framing::null(), "a\0bc\0"s},
      {Framing::len32be(), "\0\0\0\1a\0\0\0\2bc"s},
      {Framing::len32le(), "\1\0\0\0a\2\0\0\0bc"s},
  };
  for (const auto& [framing, bytes] : streams) {
    start(SocketType::stream, {.framing = framing});
    listen();
    theirs->send(bytes);
    theirs->shut_writing();
    ASSERT_TRUE(until_ended());
    EXPECT_EQ(log.messages, (Messages{"a", "bc"})) << framing.to_string();
    EXPECT_EQ(log.end, Outcome::end_of_stream);
  }
}

TEST_F(receiving, gives_raw_bytes_sixteen_at_a_time) {
  start(SocketType::stream, {.framing = Framing::raw(16)});
  listen();
  theirs->send("0123456789abcdefTHE REST");
  theirs->close();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.messages, (Messages{"0123456789abcdef", "THE REST"}));
}

TEST_F(receiving, gives_the_same_messages_however_the_bytes_arrive) {
  const std::string stream = "\0\0\0\3one\0\0\0\0\0\0\0\7another"s;
  for (std::size_t split = 0; split <= stream.size(); ++split) {
    start(SocketType::stream, {.framing = Framing::len32be()});
    listen();
    theirs->send(stream.substr(0, split));
    loop.turn();
    theirs->send(stream.substr(split));
    theirs->close();
    ASSERT_TRUE(until_ended());
    EXPECT_EQ(log.messages, (Messages{"one", "", "another"})) << split;
  }
}

TEST_F(receiving, gives_the_same_messages_when_every_read_gives_one_byte) {
  const OneByte slow(sys::Call::recvmsg);
  start();
  listen();
  theirs->send("one\r\ntwo\n\nlast");
  theirs->shut_writing();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.messages, (Messages{"one", "two", "", "last"}));
}

TEST_F(receiving, keeps_a_message_valid_until_the_next_receive) {
  start();
  theirs->send("first\nsecond\n");
  loop.run([](Connection& connection, RawStream& peer) -> Task<> {
    Received first = co_await connection.receive();
    peer.send("third\n");
    co_await connection.loop().sleep(2ms);
    const Received moved = std::move(first);
    EXPECT_EQ(moved->bytes(), "first");
    Received second = co_await connection.receive();
    EXPECT_EQ(second->bytes(), "second");
  }(*ours, *theirs));
}

TEST_F(receiving, takes_messages_of_the_limit_whole_from_many_reads) {
  start();
  listen();
  const std::string message(Limits{}.max_message, 'x');
  const std::string frame = message + "\n";
  std::size_t sent = 0;
  ASSERT_TRUE(until([&] {
    const ssize_t took = theirs->send(std::string_view(frame).substr(sent));
    if (took > 0) sent += static_cast<std::size_t>(took);
    return !log.messages.empty();
  }));
  EXPECT_EQ(log.messages.front(), message);
}

TEST_F(receiving, ends_a_connection_whose_message_is_too_large_and_says_why) {
  for (const Framing framing : {Framing::lines(), Framing::null(), Framing::len32be()}) {
    start(SocketType::stream, {.framing = framing, .limits = {.max_message = 8}});
    listen();
    theirs->send(framing == Framing::len32be() ? "\0\0\0\x09"s : std::string(10, 'x'));
    ASSERT_TRUE(until_ended());
    EXPECT_EQ(log.end, Outcome::failed);
    EXPECT_NE(log.why.find("over the limit of 8"), std::string::npos) << log.why;
    EXPECT_TRUE(until_they_see_the_end());
    EXPECT_TRUE(log.messages.empty());
  }
}

TEST_F(receiving, applies_the_limit_also_to_a_last_line_without_line_feed) {
  for (const auto& [bytes, end] :
       {std::pair{"12345678", Outcome::end_of_stream},
        std::pair{"12345678\r", Outcome::end_of_stream}, std::pair{"123456789", Outcome::failed}}) {
    start(SocketType::stream, {.limits = {.max_message = 8}});
    listen();
    theirs->send(bytes);
    theirs->shut_writing();
    ASSERT_TRUE(until_ended());
    EXPECT_EQ(log.end, end) << bytes;
    EXPECT_EQ(log.messages, end == Outcome::failed ? Messages() : Messages{"12345678"}) << bytes;
  }
}

TEST_F(receiving, gives_what_came_before_a_message_that_is_too_large) {
  start(SocketType::stream, {.limits = {.max_message = 8}});
  listen();
  theirs->send("fine\nthis is too long\n");
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.messages, Messages{"fine"});
  EXPECT_EQ(log.end, Outcome::failed);
}

TEST_F(receiving, reports_a_stream_that_broke_off_in_a_counted_message) {
  start(SocketType::stream, {.framing = Framing::len32be()});
  listen();
  theirs->send("\0\0\0\5hal"s);
  theirs->close();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.end, Outcome::failed);
  EXPECT_NE(log.why.find("of an unfinished message"), std::string::npos) << log.why;
}

TEST_F(receiving, distinguishes_a_reset_from_an_end_after_giving_what_had_arrived) {
  start();
  theirs->send("one\ntwo\n");
  say("never read\n");
  loop.turn();
  theirs->close();
  listen();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.messages, (Messages{"one", "two"}));
  EXPECT_EQ(log.end, Outcome::peer_gone);
}

TEST_F(receiving, repeats_the_end_when_asked_again) {
  start();
  theirs->close();
  loop.run([](Connection& connection) -> Task<> {
    for (int i = 0; i < 3; ++i) {
      const Received received = co_await connection.receive();
      EXPECT_EQ(received.outcome(), Outcome::end_of_stream);
    }
  }(*ours));
  EXPECT_EQ(ours->try_receive().outcome(), Outcome::end_of_stream);
}

TEST_F(receiving, fails_with_what_the_kernel_says) {
  start();
  listen();
  const FaultOn fault(sys::Call::recvmsg, 1, ENOMEM);
  theirs->send("x\n");
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.end, Outcome::failed);
  EXPECT_NE(log.why.find("Cannot allocate memory"), std::string::npos) << log.why;
}

// Deadlines and clocks ----------------------------------------------------------------------------

TEST_F(receiving, gives_up_after_its_deadline_and_stays_usable) {
  start();
  loop.run([](Connection& connection, RawStream& peer) -> Task<> {
    const auto before = Loop::Clock::now();
    const Received none = co_await connection.receive(3ms);
    EXPECT_EQ(none.outcome(), Outcome::timed_out);
    EXPECT_GE(Loop::Clock::now() - before, 3ms);
    peer.send("half");
    const Received half = co_await connection.receive(3ms);
    EXPECT_EQ(half.outcome(), Outcome::timed_out);
    peer.send(" and half\n");
    Received whole = co_await connection.receive(10s);
    EXPECT_EQ(whole->bytes(), "half and half");
  }(*ours, *theirs));
}

TEST_F(receiving, prefers_a_message_that_is_there_to_a_deadline_that_has_passed) {
  start();
  theirs->send("there\n");
  loop.run([](Connection& connection) -> Task<> {
    Received received = co_await connection.receive(0ms);
    EXPECT_EQ(received.outcome(), Outcome::ok);
  }(*ours));
}

TEST_F(receiving, cuts_off_a_peer_that_dribbles_half_a_message) {
  start(SocketType::stream, {.limits = {.message_time = 5ms}});
  listen();
  theirs->send("ha");
  const auto before = Loop::Clock::now();
  ASSERT_TRUE(until([&] {
    theirs->send("l");  // never whole: the clock runs from the first byte
    return log.end.has_value();
  }));
  EXPECT_GE(Loop::Clock::now() - before, 5ms);
  EXPECT_EQ(log.end, Outcome::failed);
  EXPECT_NE(log.why.find("within message_time"), std::string::npos) << log.why;
  EXPECT_TRUE(until_they_see_the_end());
}

TEST_F(receiving, restarts_the_message_clock_with_every_message) {
  EXPECT_TRUE(holds_with_some_clock([this](Duration clock) {
    start(SocketType::stream, {.limits = {.message_time = clock}});
    listen();
    const auto before = Loop::Clock::now();
    while (!log.end && Loop::Clock::now() - before < 2 * clock) {
      for (const char* half : {"ha", "lf\n"}) {
        theirs->send(half);
        loop.turn(1ms);
      }
    }
    return !log.end;
  }));
}

TEST_F(receiving, has_no_message_clock_between_messages_or_when_it_is_off) {
  start(SocketType::stream, {.limits = {.message_time = 2ms}});
  listen();
  theirs->send("whole\n");
  const auto before = Loop::Clock::now();
  until([&] { return Loop::Clock::now() - before > 8ms; });
  EXPECT_FALSE(log.end);

  start(SocketType::stream, {.limits = {.message_time = Duration::zero()}});
  Log other;
  loop.spawn(receive_all(*ours, other));
  theirs->send("half");
  const auto then = Loop::Clock::now();
  until([&] { return Loop::Clock::now() - then > 8ms; });
  EXPECT_FALSE(other.end);
}

TEST_F(receiving, does_not_hold_against_a_peer_that_nobody_looked_at_what_it_sent) {
  start(SocketType::stream, {.limits = {.message_time = 5ms}});
  theirs->send("hal");
  EXPECT_EQ(ours->try_receive().outcome(), Outcome::would_block);
  theirs->send("f\n");  // in time, while the program is busy with something else
  const auto before = Loop::Clock::now();
  until([&] { return Loop::Clock::now() - before > 20ms; });
  const Received received = ours->try_receive();
  ASSERT_EQ(received.outcome(), Outcome::ok);
  EXPECT_EQ(received->to_owned(), "half");
}

TEST_F(receiving, ends_half_a_message_also_for_a_program_that_only_polls) {
  start(SocketType::stream, {.limits = {.message_time = 5ms}});
  theirs->send("hal");
  ASSERT_TRUE(until([&] { return ours->try_receive().outcome() == Outcome::failed; }));
}

TEST_F(receiving, cuts_off_a_peer_that_never_says_its_first_message_if_asked_to) {
  start(SocketType::stream, {.limits = {.handshake_time = 5ms}});
  listen();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.end, Outcome::failed);
  EXPECT_NE(log.why.find("handshake"), std::string::npos) << log.why;

  start(SocketType::stream, {.limits = {.handshake_time = 100ms}});
  listen();
  theirs->send("hello\n");
  const auto before = Loop::Clock::now();
  until([&] { return Loop::Clock::now() - before > 120ms; });
  EXPECT_FALSE(log.end) << log.why;
}

TEST_F(receiving, cuts_off_an_idle_peer_only_if_asked_to) {
  const auto before = Loop::Clock::now();
  start(SocketType::stream, {.limits = {.idle_time = 4ms}});
  listen();
  ASSERT_TRUE(until_ended());
  EXPECT_GE(Loop::Clock::now() - before, 4ms);
  EXPECT_EQ(log.end, Outcome::failed);
  EXPECT_NE(log.why.find("idle"), std::string::npos) << log.why;
}

TEST_F(receiving, counts_bytes_in_either_direction_as_activity) {
  for (const bool ours_turn : {false, true}) {
    EXPECT_TRUE(holds_with_some_clock([&](Duration clock) {
      start(SocketType::stream, {.limits = {.idle_time = clock}});
      listen();
      const auto before = Loop::Clock::now();
      while (!log.end && Loop::Clock::now() - before < 2 * clock) {
        if (ours_turn) {
          (void)ours->try_send("x");
        } else {
          theirs->send("x\n");
        }
        theirs->collect();
        loop.turn(1ms);
      }
      return !log.end;
    }));
  }
}

Task<> answer_after(Connection& connection, Duration work, Log& log) {
  auto question = co_await connection.receive();
  EXPECT_TRUE(question);
  co_await connection.loop().sleep(work);
  co_await connection.send("answer");
  co_await receive_all(connection, log);
}

TEST_F(receiving, calls_no_peer_idle_that_waits_for_its_answer) {
  start(SocketType::stream, {.limits = {.idle_time = 20ms}});
  theirs->send("question\n");
  loop.spawn(answer_after(*ours, 100ms, log));
  ASSERT_TRUE(until_they_have(7));
  EXPECT_FALSE(log.end) << "it has the whole time again";
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.end, Outcome::failed);
  EXPECT_NE(log.why.find("idle"), std::string::npos) << log.why;
}

Task<> answer_without_the_loop(Connection& connection, Duration work,
                               std::optional<Loop::Clock::time_point>& asked, Log& log) {
  auto question = co_await connection.receive();
  EXPECT_TRUE(question);
  work_for(work);
  asked = Loop::Clock::now();
  co_await receive_all(connection, log);
}

TEST_F(receiving, gives_a_peer_its_idle_time_also_behind_work_that_blocks_the_loop) {
  start(SocketType::stream, {.limits = {.idle_time = 20ms}});
  std::optional<Loop::Clock::time_point> asked;
  theirs->send("question\n");
  loop.spawn(answer_without_the_loop(*ours, 60ms, asked, log));
  ASSERT_TRUE(until_ended());
  EXPECT_GE(Loop::Clock::now() - asked.value(), 20ms);
  EXPECT_EQ(log.end, Outcome::failed);
}

TEST_F(receiving, gives_a_message_its_time_also_behind_work_that_blocks_the_loop) {
  start(SocketType::stream, {.limits = {.message_time = 20ms}});
  listen();
  loop.turn(0ms);
  auto looked = Loop::Clock::now();
  loop.post([&looked] {
    work_for(60ms);
    looked = Loop::Clock::now();
  });
  theirs->send("hal");
  ASSERT_TRUE(until_ended());
  EXPECT_GE(Loop::Clock::now() - looked, 20ms);
  EXPECT_EQ(log.end, Outcome::failed);
}

TEST_F(receiving, gives_a_handshake_its_time_also_behind_work_that_blocks_the_loop) {
  loop.turn();
  work_for(60ms);
  const auto opened = Loop::Clock::now();
  auto [near, far] = raw_pair(SOCK_STREAM);
  auto adopted = Connection::adopt(loop, std::move(near), {.limits = {.handshake_time = 20ms}});
  ASSERT_TRUE(adopted) << adopted.error().explain();
  ours.emplace(std::move(*adopted));
  listen();
  ASSERT_TRUE(until_ended());
  EXPECT_GE(Loop::Clock::now() - opened, 20ms);
  EXPECT_EQ(log.end, Outcome::failed);
}

TEST_F(receiving, holds_nothing_against_peers_that_the_loop_has_not_come_to_yet) {
  struct Pair {
    Connection ours;
    RawStream theirs;
    Log log;
  };
  std::vector<std::unique_ptr<Pair>> pairs;
  for (std::size_t i = 0; i < sys::events_per_wait + 20; ++i) {
    auto [near, far] = raw_pair(SOCK_STREAM);
    auto adopted = Connection::adopt(loop, std::move(near), {.limits = {.idle_time = 1s}});
    ASSERT_TRUE(adopted) << adopted.error().explain();
    pairs.push_back(std::make_unique<Pair>(std::move(*adopted), RawStream(std::move(far))));
    loop.spawn(receive_all(pairs.back()->ours, pairs.back()->log));
  }
  loop.turn(0ms);
  for (const auto& pair : pairs) pair->theirs.send("in time\n");
  work_for(1200ms);
  loop.turn(0ms);
  const auto cut =
      std::ranges::count_if(pairs, [](const auto& pair) { return pair->log.end.has_value(); });
  EXPECT_EQ(cut, 0);
}

/// A second connection on the same loop: beside it, one read takes bounds::fair_read at most.
class beside_another : public receiving {
 protected:
  void start_both(const ConnectionOptions& options) {
    start(SocketType::stream, options);
    auto [near, far] = raw_pair(SOCK_STREAM);
    auto adopted = Connection::adopt(loop, std::move(near));
    ASSERT_TRUE(adopted) << adopted.error().explain();
    other.emplace(std::move(*adopted));
    their_other.emplace(std::move(far));
    loop.spawn(receive_all(*other, other_log));
  }

  /// Whatever they send now comes while the loop does other work, for longer than any clock here.
  void send_while_the_loop_is_busy(const std::string& bytes) {
    their_other->send("at the same time\n");  // first: it is company for the other
    theirs->send(bytes);
    work_for(60ms);
  }

  static constexpr Duration clock = 20ms;
  const std::string rest = std::string(3 * bounds::fair_read, 'x') + "\n";
  std::optional<Connection> other;
  std::optional<RawStream> their_other;
  Log other_log;
};

TEST_F(beside_another, a_message_of_several_reads_that_came_in_time_is_not_cut) {
  start_both({.limits = {.message_time = clock}});
  listen();
  theirs->send("half");
  loop.turn(1s);
  send_while_the_loop_is_busy(rest);
  ASSERT_TRUE(until([this] { return log.end || !log.messages.empty(); }));
  EXPECT_FALSE(log.end) << log.why;
}

TEST_F(beside_another, a_message_of_several_reads_that_came_in_time_is_there_for_a_mere_look) {
  start_both({.limits = {.message_time = clock}});
  theirs->send("half");
  EXPECT_EQ(ours->try_receive().outcome(), Outcome::would_block);
  send_while_the_loop_is_busy(rest);
  loop.turn(0ms);
  const Received received = ours->try_receive();
  EXPECT_EQ(received.outcome(), Outcome::ok) << received.error().explain();
}

TEST_F(beside_another, a_receive_with_a_deadline_gets_what_came_before_it) {
  start_both({});
  std::optional<Outcome> outcome;
  loop.spawn([](Connection& connection, std::optional<Outcome>& came_of_it) -> Task<> {
    came_of_it = (co_await connection.receive(clock)).outcome();
  }(*ours, outcome));
  loop.turn(0ms);
  send_while_the_loop_is_busy(rest);
  ASSERT_TRUE(until([&] { return outcome.has_value(); }));
  EXPECT_EQ(outcome, Outcome::ok);
}

TEST_F(beside_another, a_message_that_is_not_whole_in_time_is_cut_all_the_same) {
  start_both({.limits = {.message_time = clock}});
  listen();
  theirs->send("half");
  loop.turn(1s);
  send_while_the_loop_is_busy(rest.substr(1, rest.size() - 2));
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.end, Outcome::failed);
}

Task<> ask_again_and_again(Connection& connection, Log& log) {
  Outcome outcome = Outcome::timed_out;
  while (outcome == Outcome::timed_out) {
    outcome = (co_await connection.receive(1ms)).outcome();
  }
  log.end = outcome;
}

TEST_F(receiving, calls_a_peer_idle_however_often_it_is_asked) {
  start(SocketType::stream, {.limits = {.idle_time = 20ms}});
  loop.spawn(ask_again_and_again(*ours, log));
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.end, Outcome::failed);
}

TEST_F(receiving, calls_a_peer_idle_that_is_only_looked_at) {
  start(SocketType::stream, {.limits = {.idle_time = 20ms}});
  theirs->send("one\n");
  EXPECT_TRUE(until([&] { return ours->try_receive().outcome() == Outcome::ok; }));
  EXPECT_TRUE(until([&] { return ours->try_receive().outcome() == Outcome::failed; }));
}

// Without suspending ------------------------------------------------------------------------------

TEST_F(receiving, tries_without_waiting) {
  start();
  EXPECT_EQ(ours->try_receive().outcome(), Outcome::would_block);
  theirs->send("one\ntwo\nhal");
  EXPECT_EQ(ours->try_receive()->bytes(), "one");
  EXPECT_EQ(ours->try_receive()->bytes(), "two");
  EXPECT_EQ(ours->try_receive().outcome(), Outcome::would_block);
  theirs->send("f\n");
  EXPECT_EQ(ours->try_receive()->bytes(), "half");
}

// Cancelling --------------------------------------------------------------------------------------

TEST_F(receiving, is_cancelled_by_destroying_the_task) {
  start();
  {
    detail::TaskGroup group(loop.core());
    group.spawn(receive_all(*ours, log));
    theirs->send("hal");
    loop.turn(1ms);
  }
  theirs->send("f\n");
  EXPECT_EQ(ours->try_receive()->bytes(), "half");
  EXPECT_TRUE(log.messages.empty());
}

TEST_F(receiving, is_cancelled_by_destroying_the_task_after_its_message_has_come) {
  start();
  theirs->send("one\n");
  bool first_done = false;
  {
    detail::TaskGroup group(loop.core());
    // Scheduled in the same turn, and destroyed by the first before it is resumed.
    group.spawn([](Connection& connection, bool& done) -> Task<> {
      co_await connection.receive();
      done = true;
    }(*ours, first_done));
    loop.post([&] { group.clear(); });
    loop.turn(1s);
  }
  loop.turn();
  EXPECT_FALSE(first_done);
}

TEST_F(receiving, is_cancelled_by_closing) {
  start();
  listen();
  loop.turn();
  ours->close();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.end, Outcome::closed);
  EXPECT_NE(log.why.find("this side"), std::string::npos) << log.why;
}

// The one back-pressure there is: what nobody asks for stays in the kernel, charged to its sender.
TEST_F(receiving, leaves_what_nobody_asks_for_with_the_kernel) {
  start();
  while (theirs->send(std::string(4096, 'x')) > 0) {
  }
  for (int i = 0; i < 3; ++i) loop.turn(Duration::zero());
  EXPECT_LT(theirs->send("x"), 0);
  EXPECT_EQ(ours->counters().bytes_received, 0U);
}

TEST_F(receiving, counts_messages_and_bytes) {
  start();
  listen();
  theirs->send("one\ntwo\n");
  ASSERT_TRUE(until([&] { return log.messages.size() == 2; }));
  EXPECT_EQ(ours->counters().messages_received, 2U);
  EXPECT_EQ(ours->counters().bytes_received, 8U);
  EXPECT_EQ(ours->counters().messages_sent, 0U);
}

TEST_F(receiving, switches_its_framing_from_the_next_message_on) {
  start();
  theirs->send("upgrade\n\0\0\0\5hello"s);
  loop.run([](Connection& connection) -> Task<> {
    Received first = co_await connection.receive();
    EXPECT_EQ(first->bytes(), "upgrade");
    connection.set_framing(Framing::len32be(), Framing::null());
    Received second = co_await connection.receive();
    EXPECT_EQ(second->bytes(), "hello");
    co_await connection.send("bye");
    co_await connection.flush();
  }(*ours));
  theirs->collect();
  EXPECT_EQ(theirs->received, "bye\0"s);
}

// Nobody's word costs memory ----------------------------------------------------------------------

TEST_F(receiving, allocates_nothing_on_a_peers_word_alone) {
  constexpr std::size_t huge = 1UL << 30U;
  start(SocketType::stream, {.framing = Framing::len32be(), .limits = {.max_message = huge}});
  listen();
  theirs->send("\x3f\xff\xff\xff"s + "few");
  const auto virtual_size = [] {
    std::size_t pages = 0;
    std::FILE* file = std::fopen("/proc/self/statm", "re");
    EXPECT_EQ(std::fscanf(file, "%zu", &pages), 1);
    std::fclose(file);
    return pages * 4096;
  };
  const std::size_t before = virtual_size();
  until([&, turns = 0]() mutable { return ++turns > 10; });
  EXPECT_LT(virtual_size(), before + 16 * mebibyte);
  EXPECT_FALSE(log.end);
}

}  // namespace
}  // namespace hallway
