// SPDX-License-Identifier: Apache-2.0
//
// The ways a connection is made and ends.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/client.hpp>
#include <hallway/connection.hpp>

#include "support/conversation.hpp"
#include "support/faults.hpp"

namespace hallway {
namespace {

using namespace test;
using namespace std::string_literals;

class ending : public Conversation {};

// Results -----------------------------------------------------------------------------------------

TEST_F(ending, leaves_results_that_explain_themselves_once_the_connection_is_gone) {
  start();
  theirs->send("half of a line");
  const Received late = loop.run([](Connection& connection) -> Task<Received> {
    co_return co_await connection.receive(0ms);
  }(*ours));
  theirs->close();
  const Sent unsent = loop.run([](Connection& connection) -> Task<Sent> {
    co_await connection.send("never read");
    co_return co_await connection.flush();
  }(*ours));
  ours.reset();
  EXPECT_EQ(late.outcome(), Outcome::timed_out);
  EXPECT_NE(late.error().explain().find("14 bytes came, but no whole message"), std::string::npos);
  EXPECT_EQ(unsent.outcome(), Outcome::peer_gone);
  EXPECT_NE(unsent.error().explain().find("the peer closed the connection"), std::string::npos);
}

TEST_F(ending, explains_to_a_task_that_waits_that_its_connection_was_destroyed) {
  start();
  std::string why;
  // By a pointer: a task that takes the connection by reference would end with it.
  loop.spawn([](Connection* connection, std::string& reason) -> Task<> {
    const Received received = co_await connection->receive();
    reason = received.error().explain();
  }(&*ours, why));
  loop.turn();
  ours.reset();
  loop.turn();
  EXPECT_NE(why.find("this side closed the connection"), std::string::npos) << why;
}

TEST_F(ending, moves_the_reason_with_the_result) {
  start(SocketType::stream, {.limits = {.max_message = 3}});
  Sent first = ours->try_send("four");
  Sent second = std::move(first);
  ours.reset();
  EXPECT_EQ(second.outcome(), Outcome::failed);
  const Received answer(std::move(second));
  EXPECT_EQ(answer.outcome(), Outcome::failed);
  EXPECT_NE(answer.error().explain().find("4 bytes is over the limit of 3"), std::string::npos);
}

// Closing -----------------------------------------------------------------------------------------

TEST_F(ending, delivers_what_was_sent_before_the_connection_is_let_go_of) {
  start();
  say("one");
  say("two");
  ours.reset();
  ASSERT_TRUE(until_they_see_the_end());
  EXPECT_EQ(theirs->received, "one\ntwo\n");
  EXPECT_EQ(theirs->error, 0);
}

TEST_F(ending, delivers_what_was_sent_however_slowly_the_peer_reads) {
  start();
  std::string expected;
  while (expected.size() < 900'000) {
    say(std::string(10'000, 'x'));
    expected += std::string(10'000, 'x') + "\n";
  }
  ours.reset();
  ASSERT_TRUE(until_they_see_the_end());
  EXPECT_EQ(theirs->received, expected);
  EXPECT_FALSE(loop.turn());
}

TEST_F(ending, keeps_run_going_until_what_was_sent_is_written) {
  start();
  say(std::string(900'000, 'x'));
  ours.reset();
  loop.spawn([](Loop& on, RawStream& peer) -> Task<> {
    for (int i = 0; i < 3; ++i) co_await on.sleep(1ms);
    while (!peer.ended) {
      peer.collect();
      co_await on.sleep(0ms);
    }
  }(loop, *theirs));
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(theirs->received.size(), 900'001U);
}

// A close(2) over unread bytes resets the connection and could cost the peer its answer.
TEST_F(ending, does_not_reset_the_answer_when_it_closes_over_unread_messages) {
  for (const SocketType type : {SocketType::stream, SocketType::seqpacket}) {
    start(type);
    theirs->send("never");
    theirs->send("received");
    say("the answer");
    ours->close();
    ASSERT_TRUE(until_they_see_the_end());
    EXPECT_EQ(theirs->error, 0);
    EXPECT_TRUE(theirs->received.starts_with("the answer"));
  }
}

TEST_F(ending, may_close_twice_and_stays_closed) {
  start();
  ours->close();
  ours->close();
  ours->abort();
  EXPECT_EQ(ours->try_receive().outcome(), Outcome::closed);
  EXPECT_EQ(ours->try_send("x").outcome(), Outcome::closed);
  ASSERT_TRUE(until_they_see_the_end());
}

TEST_F(ending, gives_up_on_a_peer_that_does_not_take_the_rest) {
  for (const std::size_t soft : {1000U, 1'000'000U}) {  // below the rest, and above it
    start(SocketType::stream,
          {.limits = {.outbound_soft = soft, .outbound_soft_time = 5ms, .send_buffer = 0}});
    shrink_send_buffer(ours->descriptor());
    say(std::string(50'000, 'x'));
    ours.reset();
    EXPECT_TRUE(until([&] { return !loop.turn(); })) << soft;
  }
}

TEST_F(ending, throws_unsent_messages_away_when_it_aborts) {
  start();
  say("unsent");
  ours->abort();
  ASSERT_TRUE(until_they_see_the_end());
  EXPECT_EQ(theirs->received, "");
}

TEST_F(ending, notifies_waiting_tasks_when_it_aborts) {
  start(SocketType::stream, {.limits = {.send_buffer = 0}});
  listen();
  while (ours->try_send(std::string(100'000, 'x'))) {
  }
  std::optional<Outcome> sent;
  std::optional<Outcome> flushed;
  loop.spawn(note_send(*ours, "x", sent));
  loop.spawn(note_flush(*ours, flushed));
  ours->abort();
  ASSERT_TRUE(until([&] { return sent && flushed && log.end; }));
  EXPECT_EQ(sent, Outcome::closed);
  EXPECT_EQ(flushed, Outcome::closed);
  EXPECT_EQ(log.end, Outcome::closed);
}

TEST_F(ending, may_close_itself_in_the_middle_of_a_task) {
  start();
  theirs->send("quit\nnever\n");
  int received = 0;
  loop.run([](Connection& connection, int& count) -> Task<> {
    while (auto message = co_await connection.receive()) {
      ++count;
      if (message->bytes() == "quit") connection.close();
    }
  }(*ours, received));
  EXPECT_EQ(received, 1);
}

// Half closing ------------------------------------------------------------------------------------

TEST_F(ending, answers_a_peer_that_has_half_closed) {
  for (int round = 0; round < 300; ++round) {
    start();
    loop.spawn(echo(std::move(*ours)));
    ours.reset();
    theirs->send("request\nand the last");
    theirs->shut_writing();
    ASSERT_TRUE(until_they_see_the_end());
    ASSERT_EQ(theirs->received, "request\nand the last\n");
    ASSERT_EQ(theirs->error, 0);
  }
}

TEST_F(ending, half_closes_after_what_was_sent_and_goes_on_receiving) {
  start();
  listen();
  say("request");
  ours->half_close();
  ours->half_close();
  EXPECT_EQ(ours->try_send("more").outcome(), Outcome::closed);
  ASSERT_TRUE(until_they_see_the_end());
  EXPECT_EQ(theirs->received, "request\n");
  theirs->send("answer\n");
  ASSERT_TRUE(until([&] { return log.messages.size() == 1; }));
  EXPECT_EQ(log.messages.front(), "answer");
}

TEST_F(ending, half_closes_only_when_the_kernel_has_everything) {
  start();
  say(std::string(1'000'000, 'x'));
  ours->half_close();
  loop.turn();
  ASSERT_TRUE(until_they_see_the_end());
  EXPECT_EQ(theirs->received.size(), 1'000'001U);
}

TEST_F(ending, goes_on_sending_to_a_peer_that_has_finished) {
  start();
  theirs->shut_writing();
  listen();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.end, Outcome::end_of_stream);
  say("still there?");
  EXPECT_TRUE(until_they_have(13));
}

// Making ------------------------------------------------------------------------------------------

TEST_F(ending, gives_its_socket_up_blocking_and_unread) {
  start();
  ::fcntl(ours->descriptor(), F_SETFL, O_NONBLOCK);
  theirs->send("for somebody else");
  const Descriptor released = std::move(*ours).release();
  ours.reset();
  EXPECT_EQ(::fcntl(released.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(raw_receive(released.get()).bytes, "for somebody else");
  EXPECT_FALSE(loop.turn());
}

TEST_F(ending, moves_and_closes_what_it_replaces) {
  start();
  RawStream first = std::move(*theirs);
  Connection kept = std::move(*ours);
  ours.reset();
  start();
  kept = std::move(*ours);
  ours.reset();
  ASSERT_TRUE(until([&] {
    first.collect();
    return first.ended;
  }));
  theirs->send("to the one that was moved\n");
  loop.turn();
  EXPECT_EQ(kept.try_receive()->bytes(), "to the one that was moved");
}

TEST_F(ending, adopts_only_connected_stream_and_seqpacket_sockets) {
  const auto error_with = [this](Descriptor socket) {
    const auto adopted = Connection::adopt(loop, std::move(socket));
    EXPECT_FALSE(adopted);
    return adopted ? std::error_code() : adopted.error().code;
  };
  EXPECT_EQ(error_with(some_file()), std::errc::not_a_socket);
  EXPECT_EQ(error_with(raw_socket(SOCK_STREAM)), std::errc::not_connected);
  EXPECT_EQ(error_with(raw_pair(SOCK_DGRAM).first), std::errc::wrong_protocol_type);
  EXPECT_EQ(error_with(Descriptor()), std::errc::bad_file_descriptor);
  EXPECT_EQ(error_with(Descriptor::adopt(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))),
            std::errc::address_family_not_supported);
}

TEST_F(ending, adopts_no_socket_with_a_policy_that_broadcasts_do_not_support) {
  const ConnectionOptions options{.overflow = OverflowPolicy::fail};
  const auto adopted = Connection::adopt(loop, raw_pair(SOCK_STREAM).first, options);
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().code, std::errc::invalid_argument);
  EXPECT_EQ(adopted.error().explain(),
            "overflow policy fail: a connection's broadcasts support wait, drop_oldest, "
            "drop_newest, disconnect");
  EXPECT_FALSE(Connection::pair(loop, SocketType::stream, options));
  EXPECT_FALSE(Client::adopt(raw_pair(SOCK_STREAM).first, options));
}

TEST_F(ending, knows_who_is_at_the_other_end) {
  start();
  EXPECT_EQ(ours->peer().pid, ::getpid());
  EXPECT_EQ(ours->peer().uid, ::geteuid());
  EXPECT_TRUE(ours->peer_groups());
  if (const auto pidfd = ours->peer_pidfd(); pidfd) {
    EXPECT_TRUE(is_close_on_exec(pidfd->get()));
  } else {
    EXPECT_EQ(pidfd.error().code, std::errc::no_protocol_option);
  }
  EXPECT_EQ(ours->address().kind(), Address::Kind::unnamed);
}

TEST_F(ending, makes_two_connections_to_each_other) {
  for (const SocketType type : {SocketType::stream, SocketType::seqpacket}) {
    auto pair = Connection::pair(loop, type);
    ASSERT_TRUE(pair);
    EXPECT_EQ(pair->first.type(), type);
    EXPECT_EQ(pair->first.number(), 0U);
    EXPECT_EQ(pair->first.peer().pid, ::getpid());
    EXPECT_EQ(&pair->first.loop(), &loop);
    loop.spawn(echo(std::move(pair->second)));
    loop.run([](Connection connection) -> Task<> {
      Received reply = co_await connection.request("ping");
      EXPECT_EQ(reply->bytes(), "ping");
    }(std::move(pair->first)));
    loop.run();
  }
  EXPECT_FALSE(Connection::pair(loop, SocketType::datagram));
}

TEST_F(ending, leaves_nothing_behind_when_it_cannot_be_made) {
  for (const sys::Call call : {sys::Call::socketpair, sys::Call::getsockopt, sys::Call::getpeername,
                               sys::Call::epoll_ctl}) {
    const FaultOn fault(call, 1, ENOMEM);
    const auto pair = Connection::pair(loop);
    ASSERT_FALSE(pair);
    EXPECT_EQ(pair.error().code, std::errc::not_enough_memory);
  }
}

TEST_F(ending, leaves_the_flags_of_a_shared_socket_alone) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  const Descriptor shared = Descriptor::adopt(::fcntl(near.get(), F_DUPFD_CLOEXEC, 3));
  auto connection = Connection::adopt(loop, std::move(near));
  ASSERT_TRUE(connection);
  raw_send(far.get(), "x\n");
  EXPECT_TRUE(connection->try_receive());
  EXPECT_EQ(::fcntl(shared.get(), F_GETFL) & O_NONBLOCK, 0);
}

}  // namespace
}  // namespace hallway
