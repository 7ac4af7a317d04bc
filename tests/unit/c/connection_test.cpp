// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <hallway.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/raw_socket.hpp"
#include "unit/c/using_c.hpp"

namespace hallway {
namespace {

using namespace test;

using Messages = std::vector<std::string>;

/// The result of an operation that takes a while.
struct Done {
  std::optional<hallway_outcome> outcome;
  static void note(hallway_connection* /*connection*/, hallway_outcome outcome,
                   const hallway_error* error, void* user) {
    auto* mine = static_cast<Done*>(user);
    EXPECT_FALSE(mine->outcome);
    EXPECT_EQ(error == nullptr, outcome == HALLWAY_OK);
    mine->outcome = outcome;
  }
};

/// A connection of the C interface and, at its other end, a raw socket.
class c_connection : public OnALoop {
 protected:
  void start(int type = SOCK_STREAM, const hallway_connection_options* options = nullptr,
             bool at_end = false) {
    auto [near, far] = raw_pair(type);
    hallway_connection* made = nullptr;
    ASSERT_OK(hallway_adopt(loop(), near.release(), options, &seen, &made, why));
    EXPECT_EQ(hallway_connection_user(made), &seen);
    seen.watch(made, at_end);
    peer.emplace(std::move(far));
  }
  [[nodiscard]] hallway_connection* ours() const { return seen.connection; }
  hallway_outcome send(std::string_view bytes) {
    return hallway_send(ours(), bytes.data(), bytes.size(), why);
  }
  bool until_sent(const std::string& bytes) {
    return until([&] {
      peer->collect();
      return peer->received == bytes;
    });
  }
  bool until_received(const Messages& messages) {
    return until([&] { return seen.messages == messages; });
  }
  bool until_closed() {
    return until([&] { return seen.closed.has_value(); });
  }
  /// Sends until the queue is over its soft limit and the kernel takes no more. Gives how many
  /// bytes that were.
  std::size_t fill() {
    constexpr std::size_t soft_limit = std::size_t{1} << 20;
    const std::string message(1023, 'x');
    std::size_t sent = 0;
    EXPECT_TRUE(until([&] {
      while (send(message) == HALLWAY_OK) ++sent;
      return hallway_connection_unsent_bytes(ours()) >= soft_limit;
    }));
    turn_a_few_times();
    while (send(message) == HALLWAY_OK) ++sent;
    seen.writable = 0;
    return sent * (message.size() + 1);
  }
  bool until_they_have_read(std::size_t bytes) {
    return until([&] {
      peer->collect();
      return peer->received.size() >= bytes;
    });
  }

  Seen seen;
  std::optional<RawStream> peer;
};

TEST_F(c_connection, receives_and_sends) {
  start();
  peer->send("one\ntwo\n");
  EXPECT_TRUE(until_received({"one", "two"}));
  EXPECT_OK(send("three"));
  EXPECT_OK(send("four"));
  EXPECT_GT(hallway_connection_unsent_bytes(ours()), 0U) << "it is written at the end of the turn";
  EXPECT_TRUE(until_sent("three\nfour\n"));
  EXPECT_EQ(hallway_connection_unsent_bytes(ours()), 0U);
  const hallway_counters counters = hallway_connection_counters(ours());
  EXPECT_EQ(counters.messages_received, 2U);
  EXPECT_EQ(counters.messages_sent, 2U);
  EXPECT_EQ(counters.bytes_received, 8U);
  EXPECT_EQ(counters.bytes_sent, 11U);
}

TEST_F(c_connection, describes_itself) {
  start();
  EXPECT_EQ(hallway_connection_type(ours()), HALLWAY_STREAM);
  EXPECT_EQ(hallway_connection_number(ours()), 0U);
  EXPECT_EQ(hallway_connection_loop(ours()), loop());
  EXPECT_NE(hallway_connection_address(ours()), nullptr);
  EXPECT_TRUE(is_close_on_exec(hallway_connection_descriptor(ours())));
  const hallway_peer who = hallway_connection_peer(ours());
  EXPECT_EQ(who.uid, ::geteuid());
  EXPECT_EQ(who.pid, ::getpid());
}

TEST_F(c_connection, has_nothing_to_receive_at_first) {
  start();
  hallway_view view;
  std::size_t count = 77;
  EXPECT_EQ(hallway_receive(ours(), &view, 1, &count, why), HALLWAY_WOULD_BLOCK);
  EXPECT_EQ(count, 77U);
}

TEST_F(c_connection, is_read_again_while_messages_are_left) {
  start();
  seen.room = 1;
  seen.most = 1;
  peer->send("one\ntwo\nthree\n");
  EXPECT_TRUE(until_received({"one", "two", "three"}));
  EXPECT_EQ(seen.readable, 3);
}

TEST_F(c_connection, pauses_if_its_messages_are_not_taken) {
  start();
  seen.room = 0;
  peer->send("one\n");
  EXPECT_TRUE(until([&] { return seen.readable > 0; }));
  turn_a_few_times();
  EXPECT_EQ(seen.readable, 1);
  seen.room = 8;
  hallway_connection_resume(ours());
  EXPECT_TRUE(until_received({"one"}));
}

TEST_F(c_connection, pauses_and_resumes) {
  start();
  hallway_connection_pause(ours());
  peer->send("one\n");
  turn_a_few_times();
  EXPECT_EQ(seen.readable, 0);
  hallway_connection_resume(ours());
  EXPECT_TRUE(until_received({"one"}));
}

TEST_F(c_connection, closes_at_the_end_of_the_stream_after_what_is_queued) {
  start();
  ASSERT_OK(send("answer"));
  peer->send("last");
  peer->shut_writing();
  EXPECT_TRUE(until_closed());
  EXPECT_EQ(seen.closed, HALLWAY_END_OF_STREAM);
  EXPECT_EQ(seen.messages, Messages{"last"});
  EXPECT_TRUE(until_sent("answer\n"));
}

TEST_F(c_connection, stays_open_for_sending_if_it_has_a_callback_for_the_end) {
  start(SOCK_STREAM, nullptr, true);
  peer->shut_writing();
  EXPECT_TRUE(until([&] { return seen.ends == 1; }));
  EXPECT_FALSE(seen.closed);
  ASSERT_OK(send("still here"));
  EXPECT_TRUE(until_sent("still here\n"));
  hallway_connection_close(ours());
  EXPECT_TRUE(until_closed());
  EXPECT_EQ(seen.ends, 1);
}

TEST_F(c_connection, notices_that_its_peer_is_gone) {
  start();
  ASSERT_OK(send("unread"));
  turn_a_few_times();
  peer->close();
  EXPECT_TRUE(until_closed());
  EXPECT_EQ(seen.closed, HALLWAY_PEER_GONE);
}

TEST_F(c_connection, writes_what_is_queued_before_it_closes) {
  start();
  ASSERT_OK(send("last words"));
  hallway_connection_close(ours());
  EXPECT_FALSE(seen.closed) << "on_closed is called in a later turn";
  EXPECT_TRUE(until_closed());
  EXPECT_EQ(seen.closed, HALLWAY_CLOSED);
  EXPECT_TRUE(until_sent("last words\n"));
}

TEST_F(c_connection, drops_what_is_queued_if_it_is_aborted) {
  start();
  ASSERT_OK(send("last words"));
  hallway_connection_abort(ours());
  EXPECT_TRUE(until_closed());
  EXPECT_EQ(seen.closed, HALLWAY_CLOSED);
  peer->collect();
  EXPECT_EQ(peer->received, "");
  EXPECT_TRUE(peer->ended);
}

TEST_F(c_connection, half_closes_and_goes_on_receiving) {
  start();
  ASSERT_OK(send("question"));
  hallway_connection_half_close(ours());
  EXPECT_TRUE(until_sent("question\n"));
  EXPECT_TRUE(until([&] {
    peer->collect();
    return peer->ended;
  }));
  peer->send("answer\n");
  EXPECT_TRUE(until_received({"answer"}));
}

TEST_F(c_connection, may_be_closed_by_its_own_callback) {
  start();
  hallway_connection_on_readable(
      ours(), [](hallway_connection* from, void*) { hallway_connection_close(from); });
  peer->send("one\n");
  EXPECT_TRUE(until_closed());
  EXPECT_EQ(seen.closed, HALLWAY_CLOSED);
}

TEST_F(c_connection, is_notified_when_there_is_room_again) {
  start();
  const std::size_t queued = fill();
  EXPECT_EQ(send("too much"), HALLWAY_WOULD_BLOCK);
  EXPECT_EQ(seen.writable, 0);
  EXPECT_TRUE(until_they_have_read(queued));
  EXPECT_TRUE(until([&] { return seen.writable == 1; }));
  EXPECT_TRUE(until([&] { return send("now") == HALLWAY_OK; }));
}

TEST_F(c_connection, sends_several_messages_until_one_cannot_be_queued) {
  start();
  const std::array<hallway_view, 2> two{hallway_text("one"), hallway_text("two")};
  std::size_t sent = 77;
  EXPECT_OK(hallway_send_many(ours(), two.data(), two.size(), &sent, why));
  EXPECT_EQ(sent, 2U);
  EXPECT_TRUE(until_sent("one\ntwo\n"));
  const std::string large(std::size_t{512} * 1024, 'x');
  const std::vector<hallway_view> many(16, hallway_view{large.data(), large.size()});
  EXPECT_EQ(hallway_send_many(ours(), many.data(), many.size(), &sent, why), HALLWAY_WOULD_BLOCK);
  EXPECT_GT(sent, 0U);
  EXPECT_LT(sent, many.size());
  EXPECT_EQ(hallway_send_many(ours(), many.data(), many.size(), nullptr, why), HALLWAY_WOULD_BLOCK);
}

TEST_F(c_connection, refuses_a_message_over_the_limit) {
  const OwnedConnectionOptions options(hallway_connection_options_new());
  hallway_connection_options_set_max_message(options.get(), 10);
  start(SOCK_STREAM, options.get());
  EXPECT_FAILS(EMSGSIZE, send("eleven here"));
  EXPECT_OK(send("ten is fit"));
  peer->send("eleven here\n");
  EXPECT_TRUE(until_closed());
  EXPECT_EQ(seen.closed, HALLWAY_FAILED);
  EXPECT_EQ(seen.code, EMSGSIZE);
}

TEST_F(c_connection, passes_descriptors) {
  const OwnedConnectionOptions options(hallway_connection_options_new());
  hallway_connection_options_set_descriptors(options.get(), 1);
  start(SOCK_SEQPACKET, options.get());
  const Descriptor kept = some_file();
  const int given = ::dup(kept.get());
  EXPECT_OK(hallway_send_descriptors(ours(), "file", 4, &given, 1, why));
  EXPECT_TRUE(until([&] {
    const RawReception got = raw_receive(peer->get());
    return got.bytes == "file" && got.descriptors.size() == 1 &&
           same_file(got.descriptors[0].get(), kept.get());
  }));
  EXPECT_FALSE(is_open(given));

  hallway_connection_on_readable(ours(), nullptr);
  peer->send("one", {kept.get()});
  hallway_view view;
  std::size_t count = 0;
  EXPECT_TRUE(
      until([&] { return hallway_receive(ours(), &view, 1, &count, nullptr) == HALLWAY_OK; }));
  EXPECT_FALSE(hallway_connection_descriptors_lost(ours()));
  std::array<int, 2> taken{-1, -1};
  ASSERT_EQ(hallway_connection_take_descriptors(ours(), taken.data(), 2), 1U);
  const Descriptor owned = Descriptor::adopt(taken[0]);
  EXPECT_TRUE(same_file(owned.get(), kept.get()));
  EXPECT_EQ(hallway_connection_take_descriptors(ours(), taken.data(), 2), 0U);

  hallway_connection_resume(ours());
  peer->send("two", {kept.get(), kept.get()});
  EXPECT_TRUE(
      until([&] { return hallway_receive(ours(), &view, 1, &count, nullptr) == HALLWAY_OK; }));
  EXPECT_TRUE(hallway_connection_descriptors_lost(ours()));
}

TEST_F(c_connection, keeps_descriptors_with_the_program_if_they_would_block) {
  start();
  fill();
  const Descriptor mine = some_file();
  const int number = mine.get();
  EXPECT_EQ(hallway_send_descriptors(ours(), "file", 4, &number, 1, why), HALLWAY_WOULD_BLOCK);
  EXPECT_TRUE(is_open(number));
}

TEST_F(c_connection, flushes) {
  start();
  const std::size_t queued = fill();
  Done done;
  ASSERT_OK(hallway_connection_flush(ours(), Done::note, &done, why));
  turn_a_few_times();
  EXPECT_FALSE(done.outcome);
  EXPECT_TRUE(until_they_have_read(queued));
  EXPECT_TRUE(until([&] { return done.outcome.has_value(); }));
  EXPECT_EQ(done.outcome, HALLWAY_OK);
  Done never;
  fill();
  ASSERT_OK(hallway_connection_flush(ours(), Done::note, &never, why));
  hallway_connection_abort(ours());
  EXPECT_TRUE(until_closed());
  EXPECT_EQ(never.outcome, HALLWAY_CLOSED);
}

TEST_F(c_connection, confirms_that_the_peer_has_read) {
  start();
  ASSERT_OK(send("one"));
  Done late;
  ASSERT_OK(hallway_connection_confirm(ours(), briefly, Done::note, &late, why));
  EXPECT_TRUE(until([&] { return late.outcome.has_value(); }));
  EXPECT_EQ(late.outcome, HALLWAY_TIMED_OUT);
  Done read;
  ASSERT_OK(hallway_connection_confirm(ours(), soon, Done::note, &read, why));
  EXPECT_TRUE(until_sent("one\n"));
  EXPECT_TRUE(until([&] { return read.outcome.has_value(); }));
  EXPECT_EQ(read.outcome, HALLWAY_OK);
}

TEST_F(c_connection, changes_its_framing) {
  start();
  EXPECT_FAILS(EINVAL, hallway_connection_set_framing(ours(), "sentences", "lines", why));
  EXPECT_OK(hallway_connection_set_framing(ours(), "null", "len32be", why));
  ASSERT_OK(send("one"));
  EXPECT_TRUE(until_sent(std::string("\0\0\0\3one", 7)));
  peer->send(std::string_view("two\0", 4));
  EXPECT_TRUE(until_received({"two"}));
}

TEST_F(c_connection, is_one_of_a_pair) {
  for (const hallway_socket_type type : {HALLWAY_STREAM, HALLWAY_SEQPACKET}) {
    Seen first;
    Seen second;
    hallway_connection* near = nullptr;
    hallway_connection* far = nullptr;
    ASSERT_OK(hallway_connection_pair(loop(), type, nullptr, nullptr, &near, &far, why));
    EXPECT_EQ(hallway_connection_user(near), nullptr);
    EXPECT_EQ(hallway_connection_type(far), type);
    first.watch(near);
    second.watch(far);
    EXPECT_OK(hallway_send(near, "there", 5, why));
    EXPECT_OK(hallway_send(far, "back", 4, why));
    EXPECT_TRUE(until([&] {
      return first.messages == Messages{"back"} && second.messages == Messages{"there"};
    }));
    hallway_connection_close(near);
    EXPECT_TRUE(until([&] { return first.closed && second.closed; }));
    EXPECT_EQ(second.closed, HALLWAY_END_OF_STREAM);
  }
  hallway_connection* near = nullptr;
  hallway_connection* far = nullptr;
  EXPECT_FAILS(EINVAL, hallway_connection_pair(loop(), HALLWAY_DATAGRAM, nullptr, nullptr, &near,
                                               &far, why));
}

TEST_F(c_connection, adopts_connected_sockets_only) {
  hallway_connection* made = nullptr;
  EXPECT_FAILS(ENOTSOCK,
               hallway_adopt(loop(), some_file().release(), nullptr, nullptr, &made, why));
  EXPECT_FAILS(ENOTCONN, hallway_adopt(loop(), raw_socket(SOCK_STREAM).release(), nullptr, nullptr,
                                       &made, why));
  EXPECT_EQ(made, nullptr);
}

struct Connected {
  std::optional<hallway_outcome> outcome;
  hallway_connection* connection = nullptr;
  int code = 0;
  static void note(hallway_connection* connection, hallway_outcome outcome,
                   const hallway_error* error, void* user) {
    auto* mine = static_cast<Connected*>(user);
    EXPECT_FALSE(mine->outcome);
    mine->outcome = outcome;
    mine->connection = connection;
    mine->code = error == nullptr ? 0 : hallway_error_code(error);
  }
};

TEST_F(c_connection, connects) {
  const Descriptor listener = raw_listening(SOCK_STREAM, path);
  Connected connected;
  ASSERT_OK(hallway_connect(loop(), path.c_str(), nullptr, Connected::note, &connected, why));
  EXPECT_FALSE(connected.outcome) << "the callback comes in a later turn";
  EXPECT_TRUE(until([&] { return connected.outcome.has_value(); }));
  EXPECT_EQ(connected.outcome, HALLWAY_OK);
  EXPECT_EQ(hallway_connection_address(connected.connection), "unix:" + path);
}

TEST_F(c_connection, reports_why_it_cannot_connect) {
  Connected nothing;
  ASSERT_OK(hallway_connect(loop(), path.c_str(), nullptr, Connected::note, &nothing, why));
  EXPECT_TRUE(until([&] { return nothing.outcome.has_value(); }));
  EXPECT_EQ(nothing.outcome, HALLWAY_FAILED);
  EXPECT_EQ(nothing.code, ENOENT);
  EXPECT_EQ(nothing.connection, nullptr);
  Connected unfinished;
  ASSERT_OK(hallway_connect(loop(), path.c_str(), nullptr, Connected::note, &unfinished, why));
  loop_.reset();
  EXPECT_NE(unfinished.outcome, std::nullopt) << "exactly once";
}

TEST_F(c_connection, never_ends_for_a_time_that_is_forever) {
  const OwnedConnectionOptions options(hallway_connection_options_new());
  for (const auto set :
       {hallway_connection_options_set_message_time, hallway_connection_options_set_handshake_time,
        hallway_connection_options_set_idle_time,
        hallway_connection_options_set_outbound_soft_time}) {
    set(options.get(), HALLWAY_FOREVER);
  }
  start(SOCK_STREAM, options.get());
  peer->send("begin");
  turn_a_few_times();
  EXPECT_FALSE(seen.closed);
  peer->send("ning\n");
  EXPECT_TRUE(until_received({"beginning"}));
}

TEST_F(c_connection, is_waited_for_by_a_drain_until_its_messages_are_taken) {
  start();
  hallway_connection_pause(ours());
  peer->send("one\n");
  turn_a_few_times();
  ASSERT_OK(hallway_loop_drain(loop(), soon, why));
  turn_a_few_times();
  EXPECT_FALSE(seen.closed);
  hallway_connection_resume(ours());
  EXPECT_TRUE(until_closed());
  EXPECT_EQ(seen.messages, Messages{"one"});
  EXPECT_EQ(seen.closed, HALLWAY_CLOSED);
}

TEST_F(c_connection, ends_with_its_loop) {
  start();
  loop_.reset();
  EXPECT_EQ(seen.closed, HALLWAY_CLOSED);
  peer->collect();
  EXPECT_TRUE(peer->ended);
}

}  // namespace
}  // namespace hallway
