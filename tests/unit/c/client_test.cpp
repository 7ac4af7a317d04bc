// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <hallway.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "unit/c/using_c.hpp"

namespace hallway {
namespace {

using namespace test;

/// A client of the C interface and, at its other end, a raw socket.
class c_client : public testing::Test {
 protected:
  void adopt(int type = SOCK_STREAM, const hallway_connection_options* options = nullptr,
             hallway_interrupt* interrupt = nullptr) {
    auto [near, far] = raw_pair(type);
    hallway_client* made = nullptr;
    ASSERT_OK(hallway_client_adopt(near.release(), options, interrupt, &made, why));
    client_.reset(made);
    peer.emplace(std::move(far));
  }
  [[nodiscard]] hallway_client* client() const noexcept { return client_.get(); }

  hallway_outcome send(std::string_view bytes, std::int64_t within = soon) {
    return hallway_client_send(client(), bytes.data(), bytes.size(), within, why);
  }
  hallway_outcome receive(std::int64_t within = soon, std::size_t room = 8) {
    views.resize(room);
    std::size_t count = 0;
    const hallway_outcome outcome =
        hallway_client_receive(client(), views.data(), room, &count, within, why);
    messages.clear();
    for (std::size_t i = 0; i < count; ++i) messages.push_back(text_of(views[i]));
    return outcome;
  }
  hallway_outcome connect(const std::string& address,
                          const hallway_connect_options* options = nullptr) {
    hallway_client* made = nullptr;
    const hallway_outcome outcome =
        hallway_client_connect(address.c_str(), options, nullptr, &made, why);
    client_.reset(made);
    return outcome;
  }
  /// What the client sent.
  std::string sent() {
    peer->collect();
    return std::exchange(peer->received, {});
  }

  using Messages = std::vector<std::string>;
  TempDirectory directory{0755};
  std::string path = directory / "s";
  Why why;
  OwnedInterrupt interrupt_;
  OwnedClient client_;
  std::optional<RawStream> peer;
  std::vector<hallway_view> views;
  Messages messages;
};

TEST_F(c_client, connects_and_exchanges_messages) {
  const Descriptor listener = raw_listening(SOCK_STREAM, path);
  ASSERT_OK(connect(path));
  EXPECT_EQ(hallway_client_address(client()), "unix:" + path);
  EXPECT_EQ(hallway_client_type(client()), HALLWAY_STREAM);
  EXPECT_TRUE(is_close_on_exec(hallway_client_descriptor(client())));
  const hallway_peer server = hallway_client_peer(client());
  EXPECT_EQ(server.uid, ::geteuid());
  EXPECT_EQ(server.gid, ::getegid());
  EXPECT_EQ(server.pid, ::getpid());
  peer.emplace(Descriptor::adopt(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  EXPECT_OK(send("question"));
  EXPECT_EQ(sent(), "question\n");
  peer->send("answer\n");
  EXPECT_OK(receive());
  EXPECT_EQ(messages, Messages{"answer"});
  const hallway_counters counters = hallway_client_counters(client());
  EXPECT_EQ(counters.messages_sent, 1U);
  EXPECT_EQ(counters.messages_received, 1U);
  EXPECT_EQ(counters.bytes_sent, 9U);
  EXPECT_EQ(counters.bytes_received, 7U);
  EXPECT_EQ(counters.dropped, 0U);
}

TEST_F(c_client, reports_why_it_cannot_connect) {
  EXPECT_FAILS(ENOENT, connect(path));
  raw_bound(SOCK_STREAM, path).close();
  EXPECT_FAILS(ECONNREFUSED, connect(path));
  const Descriptor packets = raw_listening(SOCK_SEQPACKET, directory / "packets");
  EXPECT_FAILS(EPROTOTYPE, connect(directory / "packets"));
  EXPECT_FAILS(EINVAL, connect(""));
  const OwnedConnectOptions options(hallway_connect_options_new());
  hallway_connect_options_set_server_uid(options.get(), ::geteuid() + 1);
  const Descriptor listener = raw_listening(SOCK_STREAM, directory / "mine");
  EXPECT_FAILS(EPERM, connect(directory / "mine", options.get()));
}

TEST_F(c_client, retries_for_a_while_and_then_reports_that_no_server_came) {
  const OwnedConnectOptions options(hallway_connect_options_new());
  hallway_connect_options_set_retry_for(options.get(), briefly);
  hallway_connect_options_set_timeout(options.get(), HALLWAY_SECOND);
  EXPECT_EQ(connect(path, options.get()), HALLWAY_FAILED);
  EXPECT_EQ(client(), nullptr);
}

TEST_F(c_client, connects_to_seqpacket_on_request) {
  const Descriptor listener = raw_listening(SOCK_SEQPACKET, path);
  const OwnedConnectOptions options(hallway_connect_options_new());
  ASSERT_OK(hallway_connect_options_set_type(options.get(), HALLWAY_SEQPACKET, why));
  ASSERT_OK(connect(path, options.get()));
  EXPECT_EQ(hallway_client_type(client()), HALLWAY_SEQPACKET);
}

TEST_F(c_client, adopts_connected_sockets_only) {
  hallway_client* made = nullptr;
  EXPECT_FAILS(ENOTSOCK, hallway_client_adopt(some_file().release(), nullptr, nullptr, &made, why));
  EXPECT_FAILS(ENOTCONN, hallway_client_adopt(raw_socket(SOCK_STREAM).release(), nullptr, nullptr,
                                              &made, why));
  auto [near, far] = raw_pair(SOCK_DGRAM);
  EXPECT_FAILS(EPROTOTYPE, hallway_client_adopt(near.release(), nullptr, nullptr, &made, why));
  EXPECT_EQ(made, nullptr);
}

TEST_F(c_client, receives_all_that_has_arrived_and_no_more_than_there_is_room_for) {
  adopt();
  peer->send("one\ntwo\nthree\nfour\n");
  EXPECT_OK(receive(soon, 3));
  EXPECT_EQ(messages, (Messages{"one", "two", "three"}));
  EXPECT_OK(receive(soon, 3));
  EXPECT_EQ(messages, Messages{"four"});
  EXPECT_EQ(receive(0), HALLWAY_TIMED_OUT);
}

TEST_F(c_client, receives_packets_one_by_one) {
  adopt(SOCK_SEQPACKET);
  peer->send("one");
  peer->send("two");
  EXPECT_OK(receive());
  EXPECT_EQ(messages, Messages{"one"});
  EXPECT_OK(receive());
  EXPECT_EQ(messages, Messages{"two"});
}

TEST_F(c_client, keeps_the_beginning_of_a_message_over_a_timeout) {
  adopt();
  peer->send("begin");
  EXPECT_EQ(receive(briefly), HALLWAY_TIMED_OUT);
  peer->send("ning\n");
  EXPECT_OK(receive());
  EXPECT_EQ(messages, Messages{"beginning"});
}

TEST_F(c_client, receives_the_end_of_the_stream) {
  adopt();
  peer->send("last");
  peer->shut_writing();
  EXPECT_OK(receive());
  EXPECT_EQ(messages, Messages{"last"});
  EXPECT_EQ(receive(), HALLWAY_END_OF_STREAM);
  EXPECT_OK(send("still heard"));
  EXPECT_EQ(sent(), "still heard\n");
}

TEST_F(c_client, notices_that_its_peer_is_gone) {
  adopt();
  ASSERT_OK(send("unread"));
  peer->close();
  EXPECT_EQ(receive(), HALLWAY_PEER_GONE);
  EXPECT_EQ(send("more"), HALLWAY_PEER_GONE);
}

TEST_F(c_client, is_closed_by_its_program) {
  adopt();
  hallway_client_close(client());
  EXPECT_EQ(send("more"), HALLWAY_CLOSED);
  EXPECT_EQ(receive(), HALLWAY_CLOSED);
  peer->collect();
  EXPECT_TRUE(peer->ended);
}

TEST_F(c_client, half_closes_and_goes_on_receiving) {
  adopt();
  hallway_client_half_close(client());
  peer->collect();
  EXPECT_TRUE(peer->ended);
  peer->send("answer\n");
  EXPECT_OK(receive());
  EXPECT_EQ(messages, Messages{"answer"});
}

TEST_F(c_client, requests_and_gets_the_answer) {
  adopt();
  peer->send("answer\n");
  hallway_view answer;
  EXPECT_OK(hallway_client_request(client(), "question", 8, soon, &answer, why));
  EXPECT_EQ(text_of(answer), "answer");
  EXPECT_EQ(sent(), "question\n");
  EXPECT_EQ(hallway_client_request(client(), "again", 5, briefly, &answer, why), HALLWAY_TIMED_OUT);
}

TEST_F(c_client, sends_several_messages_in_order) {
  adopt();
  const std::array<hallway_view, 3> three{hallway_text("one"), hallway_text(""),
                                          hallway_text("three")};
  std::size_t count = 77;
  EXPECT_OK(hallway_client_send_many(client(), three.data(), three.size(), soon, &count, why));
  EXPECT_EQ(count, 3U);
  EXPECT_EQ(sent(), "one\n\nthree\n");
  EXPECT_OK(hallway_client_send_many(client(), nullptr, 0, soon, &count, why));
  EXPECT_EQ(count, 0U);
}

TEST_F(c_client, says_how_many_of_several_messages_it_sent) {
  adopt();
  const std::string large(std::size_t{256} * 1024, 'x');
  const std::vector<hallway_view> many(64, hallway_view{large.data(), large.size()});
  std::size_t count = 77;
  EXPECT_EQ(hallway_client_send_many(client(), many.data(), many.size(), briefly, &count, why),
            HALLWAY_TIMED_OUT);
  EXPECT_GT(count, 0U);
  EXPECT_LT(count, many.size());
  const std::string huge((1 << 20) + 1, 'x');
  const std::array<hallway_view, 2> second_too_large{hallway_text("fits"),
                                                     hallway_view{huge.data(), huge.size()}};
  adopt();
  EXPECT_FAILS(EMSGSIZE,
               hallway_client_send_many(client(), second_too_large.data(), 2, soon, &count, why));
  EXPECT_EQ(count, 1U);
  EXPECT_EQ(sent(), "fits\n");
}

TEST_F(c_client, sends_what_it_queued_before_a_timeout_later) {
  const OwnedConnectionOptions options(hallway_connection_options_new());
  hallway_connection_options_set_send_buffer(options.get(), 0);
  adopt(SOCK_STREAM, options.get());
  const std::string large(1 << 20, 'x');
  EXPECT_EQ(send(large, 0), HALLWAY_TIMED_OUT);
  std::string received;
  std::thread reader([&] {
    while (received.size() < large.size() + 6) {
      const RawReception some = raw_receive(peer->get(), 65536, true);
      if (some.result <= 0) return;
      received += some.bytes;
    }
  });
  EXPECT_OK(send("after"));
  reader.join();
  EXPECT_EQ(received.size(), large.size() + 1 + 6);
  EXPECT_TRUE(received.ends_with("x\nafter\n"));
}

TEST_F(c_client, refuses_messages_over_the_limit_in_both_directions) {
  const OwnedConnectionOptions options(hallway_connection_options_new());
  hallway_connection_options_set_max_message(options.get(), 10);
  adopt(SOCK_STREAM, options.get());
  EXPECT_FAILS(EMSGSIZE, send("eleven here"));
  peer->send("eleven here\n");
  EXPECT_EQ(receive(), HALLWAY_FAILED);
  EXPECT_EQ(why.code(), EMSGSIZE);
}

TEST_F(c_client, passes_descriptors) {
  const OwnedConnectionOptions options(hallway_connection_options_new());
  hallway_connection_options_set_descriptors(options.get(), 2);
  adopt(SOCK_STREAM, options.get());
  const Descriptor kept = some_file();
  const int given = ::dup(kept.get());
  EXPECT_OK(hallway_client_send_descriptors(client(), "file", 4, &given, 1, soon, why));
  EXPECT_FALSE(is_open(given));
  peer->collect();
  EXPECT_EQ(peer->received, "file\n");
  ASSERT_EQ(peer->descriptors.size(), 1U);
  EXPECT_TRUE(same_file(peer->descriptors[0].get(), kept.get()));

  peer->send("two\n", {kept.get(), kept.get()});
  EXPECT_OK(receive());
  EXPECT_FALSE(hallway_client_descriptors_lost(client()));
  std::array<int, 4> taken{-1, -1, -1, -1};
  EXPECT_EQ(hallway_client_take_descriptors(client(), taken.data(), 1), 1U);
  EXPECT_EQ(hallway_client_take_descriptors(client(), taken.data() + 1, 3), 1U);
  EXPECT_EQ(hallway_client_take_descriptors(client(), taken.data() + 2, 2), 0U);
  for (int i = 0; i < 2; ++i) {
    const Descriptor owned = Descriptor::adopt(taken.at(static_cast<std::size_t>(i)));
    EXPECT_TRUE(same_file(owned.get(), kept.get()));
    EXPECT_TRUE(is_close_on_exec(owned.get()));
  }
}

TEST_F(c_client, owns_descriptors_that_it_could_not_send) {
  adopt();
  const int given = some_file().release();
  const std::string huge((1 << 20) + 1, 'x');
  EXPECT_FAILS(EMSGSIZE, hallway_client_send_descriptors(client(), huge.data(), huge.size(), &given,
                                                         1, soon, why));
  EXPECT_FALSE(is_open(given));
}

TEST_F(c_client, says_that_descriptors_are_missing) {
  const OwnedConnectionOptions options(hallway_connection_options_new());
  hallway_connection_options_set_descriptors(options.get(), 1);
  adopt(SOCK_STREAM, options.get());
  const Descriptor file = some_file();
  peer->send("two\n", {file.get(), file.get()});
  EXPECT_OK(receive());
  EXPECT_TRUE(hallway_client_descriptors_lost(client()));
  int taken = -1;
  EXPECT_EQ(hallway_client_take_descriptors(client(), &taken, 1), 0U);
}

TEST_F(c_client, confirms_that_the_peer_has_read) {
  adopt();
  ASSERT_OK(send("one"));
  EXPECT_EQ(hallway_client_confirm(client(), briefly, why), HALLWAY_TIMED_OUT);
  EXPECT_EQ(sent(), "one\n");
  EXPECT_OK(hallway_client_confirm(client(), soon, why));
  ASSERT_OK(send("two"));
  peer->close();
  EXPECT_EQ(hallway_client_confirm(client(), soon, why), HALLWAY_PEER_GONE);
}

TEST_F(c_client, changes_its_framing) {
  adopt();
  EXPECT_FAILS(EINVAL, hallway_client_set_framing(client(), "lines", "sentences", why));
  EXPECT_FAILS(EINVAL, hallway_client_set_framing(client(), "sentences", "lines", why));
  EXPECT_OK(hallway_client_set_framing(client(), "lines", "null", why));
  hallway_client_set_spin(client(), 0);
  EXPECT_OK(send("one"));
  EXPECT_EQ(sent(), std::string("one\0", 4));
  peer->send("two\n");
  EXPECT_OK(receive());
  EXPECT_EQ(messages, Messages{"two"});
  hallway_client_set_spin(client(), -1);
}

TEST_F(c_client, ends_its_waits_while_its_interrupt_is_triggered) {
  hallway_interrupt* made = nullptr;
  ASSERT_OK(hallway_interrupt_new(nullptr, nullptr, &made, why));
  interrupt_.reset(made);
  adopt(SOCK_STREAM, nullptr, made);
  EXPECT_FALSE(hallway_interrupt_triggered(made));
  hallway_interrupt_trigger(made);
  EXPECT_TRUE(hallway_interrupt_triggered(made));
  EXPECT_FAILS(EINTR, receive());
  EXPECT_OK(send("needs no wait"));
  peer->send("has arrived\n");
  EXPECT_OK(receive());
  EXPECT_FAILS(EINTR, receive());
  hallway_interrupt_clear(made);
  EXPECT_FALSE(hallway_interrupt_triggered(made));
  EXPECT_EQ(receive(briefly), HALLWAY_TIMED_OUT);
}

TEST_F(c_client, is_interrupted_by_another_thread_as_often_as_wanted) {
  hallway_interrupt* made = nullptr;
  ASSERT_OK(hallway_interrupt_new(nullptr, nullptr, &made, why));
  interrupt_.reset(made);
  adopt(SOCK_STREAM, nullptr, made);
  for (int i = 0; i < 3; ++i) {
    std::thread other([made] { hallway_interrupt_trigger(made); });
    EXPECT_FAILS(EINTR, receive());
    other.join();
    hallway_interrupt_clear(made);
  }
  peer->send("goes on\n");
  EXPECT_OK(receive());
}

TEST_F(c_client, asks_after_each_signal_whether_to_go_on_waiting) {
  struct Asked {
    int times = 0;
    bool go_on = true;
  } asked;
  hallway_interrupt* made = nullptr;
  ASSERT_OK(hallway_interrupt_new(
      [](void* user) {
        auto* mine = static_cast<Asked*>(user);
        ++mine->times;
        return mine->go_on ? 1 : 0;
      },
      &asked, &made, why));
  interrupt_.reset(made);
  adopt(SOCK_STREAM, nullptr, made);
  EXPECT_EQ(receive(briefly), HALLWAY_TIMED_OUT);
  EXPECT_GT(asked.times, 0);
  asked.go_on = false;
  EXPECT_FAILS(EINTR, receive());
}

}  // namespace
}  // namespace hallway
