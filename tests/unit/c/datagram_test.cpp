// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <hallway.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/raw_socket.hpp"
#include "unit/c/using_c.hpp"

namespace hallway {
namespace {

using namespace test;

using OwnedReturnAddress = Owned<hallway_return_address, hallway_return_address_free>;

/// What one datagram socket calls.
struct SeenDatagrams {
  std::vector<std::string> datagrams;
  std::string sender;
  hallway_peer peer{};
  std::size_t whole_size = 0;
  hallway_outcome outcome = HALLWAY_OK;
  std::vector<Descriptor> descriptors;
  bool lost = false;
  OwnedReturnAddress return_address;
  std::optional<hallway_outcome> end;
};

struct SentResult {
  std::optional<hallway_outcome> outcome;
  int code = 0;
  static void note(hallway_datagram_socket* /*socket*/, hallway_outcome outcome,
                   const hallway_error* error, void* user) {
    auto* mine = static_cast<SentResult*>(user);
    EXPECT_FALSE(mine->outcome);
    mine->outcome = outcome;
    mine->code = error == nullptr ? 0 : hallway_error_code(error);
  }
};

class c_datagram : public OnALoop {
 protected:
  static void note(hallway_datagram_socket* /*socket*/, hallway_datagram* datagram, void* user) {
    auto* mine = static_cast<SeenDatagrams*>(user);
    mine->datagrams.push_back(text_of(hallway_datagram_bytes(datagram)));
    mine->sender = hallway_datagram_sender(datagram);
    mine->peer = hallway_datagram_peer(datagram);
    mine->whole_size = hallway_datagram_whole_size(datagram);
    mine->outcome = hallway_datagram_outcome(datagram);
    mine->lost = hallway_datagram_descriptors_lost(datagram) != 0;
    std::array<int, 4> taken{};
    const std::size_t count =
        hallway_datagram_take_descriptors(datagram, taken.data(), taken.size());
    for (std::size_t i = 0; i < count; ++i) {
      mine->descriptors.push_back(Descriptor::adopt(taken.at(i)));
    }
    mine->return_address.reset(hallway_return_address_new(datagram));
  }
  static void note_end(hallway_datagram_socket* /*socket*/, hallway_outcome outcome,
                       const hallway_error* /*error*/, void* user) {
    static_cast<SeenDatagrams*>(user)->end = outcome;
  }

  OwnedDatagramSocket bind(const std::string& address, SeenDatagrams& seen,
                           const hallway_datagram_options* options = nullptr) {
    hallway_datagram_socket* made = nullptr;
    EXPECT_OK(
        hallway_datagram_socket_bind(loop(), address.c_str(), options, note, &seen, &made, why));
    if (made != nullptr) hallway_datagram_socket_on_end(made, note_end);
    return OwnedDatagramSocket(made);
  }
  hallway_outcome connect(const std::string& address, SeenDatagrams& seen,
                          OwnedDatagramSocket& into,
                          const hallway_datagram_options* options = nullptr) {
    hallway_datagram_socket* made = nullptr;
    const hallway_outcome outcome =
        hallway_datagram_socket_connect(loop(), address.c_str(), options, note, &seen, &made, why);
    into.reset(made);
    return outcome;
  }
};

TEST_F(c_datagram, are_sent_received_and_answered) {
  SeenDatagrams server;
  SeenDatagrams client;
  const OwnedDatagramSocket bound = bind(path, server);
  EXPECT_EQ(hallway_datagram_socket_address(bound.get()), "unix:" + path);
  EXPECT_TRUE(is_close_on_exec(hallway_datagram_socket_descriptor(bound.get())));
  OwnedDatagramSocket asking;
  ASSERT_OK(connect(path, client, asking));
  EXPECT_OK(hallway_datagram_socket_try_send(asking.get(), nullptr, "question", 8, why));
  EXPECT_TRUE(until([&] { return server.datagrams.size() == 1; }));
  EXPECT_EQ(server.datagrams[0], "question");
  EXPECT_EQ(server.whole_size, 8U);
  EXPECT_EQ(server.outcome, HALLWAY_OK);
  EXPECT_EQ(server.peer.uid, ::geteuid());
  EXPECT_NE(server.sender, "") << "a connected socket has a name, so that it can be answered";
  ASSERT_NE(server.return_address, nullptr);
  SentResult answered;
  ASSERT_OK(hallway_datagram_socket_answer(bound.get(), server.return_address.get(), "answer", 6,
                                           nullptr, 0, soon, SentResult::note, &answered, why));
  EXPECT_TRUE(until([&] { return client.datagrams.size() == 1 && answered.outcome; }));
  EXPECT_EQ(answered.outcome, HALLWAY_OK);
  EXPECT_EQ(client.datagrams[0], "answer");
}

TEST_F(c_datagram, are_cut_off_at_the_limit) {
  const OwnedDatagramOptions options(hallway_datagram_options_new());
  hallway_datagram_options_set_max_message(options.get(), 4);
  SeenDatagrams server;
  const OwnedDatagramSocket bound = bind(path, server, options.get());
  const Descriptor sender = raw_connected(SOCK_DGRAM, path);
  raw_send(sender.get(), "too long");
  EXPECT_TRUE(until([&] { return server.datagrams.size() == 1; }));
  EXPECT_EQ(server.datagrams[0], "too ");
  EXPECT_EQ(server.outcome, HALLWAY_TRUNCATED);
  EXPECT_EQ(server.whole_size, 8U);
  EXPECT_EQ(server.sender, "");
}

TEST_F(c_datagram, carry_descriptors) {
  const OwnedDatagramOptions options(hallway_datagram_options_new());
  hallway_datagram_options_set_descriptors(options.get(), 1);
  SeenDatagrams server;
  SeenDatagrams client;
  const OwnedDatagramSocket bound = bind(path, server, options.get());
  const OwnedDatagramSocket sending = bind(directory / "client", client);
  const Descriptor kept = some_file();
  const int given = ::dup(kept.get());
  SentResult sent;
  ASSERT_OK(hallway_datagram_socket_send(sending.get(), path.c_str(), "file", 4, &given, 1, soon,
                                         SentResult::note, &sent, why));
  EXPECT_TRUE(until([&] { return server.descriptors.size() == 1 && sent.outcome; }));
  EXPECT_EQ(sent.outcome, HALLWAY_OK);
  EXPECT_TRUE(same_file(server.descriptors[0].get(), kept.get()));
  const std::array<int, 2> two{::dup(kept.get()), ::dup(kept.get())};
  ASSERT_OK(hallway_datagram_socket_send(sending.get(), path.c_str(), "files", 5, two.data(), 2,
                                         soon, nullptr, nullptr, why));
  EXPECT_TRUE(until([&] { return server.datagrams.size() == 2; }));
  EXPECT_TRUE(server.lost);
}

TEST_F(c_datagram, report_why_they_cannot_be_sent) {
  SeenDatagrams client;
  const OwnedDatagramSocket sending = bind(directory / "client", client);
  EXPECT_FAILS(EDESTADDRREQ, hallway_datagram_socket_try_send(sending.get(), nullptr, "x", 1, why));
  EXPECT_FAILS(ENOENT, hallway_datagram_socket_try_send(sending.get(), path.c_str(), "x", 1, why));
  raw_bound(SOCK_DGRAM, path).close();
  EXPECT_FAILS(ECONNREFUSED,
               hallway_datagram_socket_try_send(sending.get(), path.c_str(), "x", 1, why));
  SentResult sent;
  ASSERT_OK(hallway_datagram_socket_send(sending.get(), path.c_str(), "x", 1, nullptr, 0, soon,
                                         SentResult::note, &sent, why));
  EXPECT_TRUE(until([&] { return sent.outcome.has_value(); }));
  EXPECT_EQ(sent.outcome, HALLWAY_FAILED);
  EXPECT_EQ(sent.code, ECONNREFUSED);
  OwnedDatagramSocket connected;
  EXPECT_FAILS(ECONNREFUSED, connect(path, client, connected));
  EXPECT_FAILS(ENOENT, connect(directory / "nothing", client, connected));
}

TEST_F(c_datagram, wait_while_the_receiver_is_full) {
  const Descriptor slow = raw_bound(SOCK_DGRAM, path);
  SeenDatagrams client;
  OwnedDatagramSocket sending;
  ASSERT_OK(connect(path, client, sending));
  hallway_outcome outcome = HALLWAY_OK;
  for (int i = 0; outcome == HALLWAY_OK && i < 100'000; ++i) {
    outcome = hallway_datagram_socket_try_send(sending.get(), nullptr, "x", 1, why);
  }
  EXPECT_EQ(outcome, HALLWAY_WOULD_BLOCK);
  SentResult late;
  ASSERT_OK(hallway_datagram_socket_send(sending.get(), nullptr, "y", 1, nullptr, 0, briefly,
                                         SentResult::note, &late, why));
  EXPECT_TRUE(until([&] { return late.outcome.has_value(); }));
  EXPECT_EQ(late.outcome, HALLWAY_TIMED_OUT);
  SentResult sent;
  ASSERT_OK(hallway_datagram_socket_send(sending.get(), nullptr, "y", 1, nullptr, 0, soon,
                                         SentResult::note, &sent, why));
  turn_a_few_times();
  EXPECT_FALSE(sent.outcome);
  EXPECT_TRUE(until([&] {
    raw_receive(slow.get());
    return sent.outcome.has_value();
  }));
  EXPECT_EQ(sent.outcome, HALLWAY_OK);
  // Freed before it could be sent.
  while (hallway_datagram_socket_try_send(sending.get(), nullptr, "x", 1, nullptr) == HALLWAY_OK) {
  }
  SentResult never;
  ASSERT_OK(hallway_datagram_socket_send(sending.get(), nullptr, "z", 1, nullptr, 0, soon,
                                         SentResult::note, &never, why));
  sending.reset();
  EXPECT_EQ(never.outcome, HALLWAY_CLOSED);
}

TEST_F(c_datagram, wait_in_the_kernel_while_the_socket_is_paused) {
  SeenDatagrams server;
  const OwnedDatagramSocket bound = bind(path, server);
  hallway_datagram_socket_pause(bound.get());
  turn_a_few_times();
  const Descriptor sender = raw_connected(SOCK_DGRAM, path);
  raw_send(sender.get(), "later");
  turn_a_few_times();
  EXPECT_TRUE(server.datagrams.empty());
  hallway_datagram_socket_resume(bound.get());
  EXPECT_TRUE(until([&] { return server.datagrams.size() == 1; }));
}

TEST_F(c_datagram, end_when_the_socket_is_closed_or_the_loop_drains) {
  SeenDatagrams closed;
  SeenDatagrams drained;
  const OwnedDatagramSocket first = bind(path, closed);
  const OwnedDatagramSocket second = bind(directory / "other", drained);
  hallway_datagram_socket_close(first.get());
  EXPECT_FALSE(closed.end);
  EXPECT_TRUE(until([&] { return closed.end.has_value(); }));
  EXPECT_EQ(closed.end, HALLWAY_CLOSED);
  EXPECT_EQ(raw_connect_error(SOCK_DGRAM, path), ENOENT);
  ASSERT_OK(hallway_loop_drain(loop(), soon, why));
  EXPECT_TRUE(until([&] { return drained.end.has_value(); }));
  EXPECT_EQ(drained.end, HALLWAY_CLOSED);
}

TEST_F(c_datagram, notice_that_the_path_of_their_socket_is_lost) {
  const OwnedDatagramOptions options(hallway_datagram_options_new());
  int lost = -1;
  hallway_datagram_options_on_path(
      options.get(),
      [](int is_lost, const char* address, const char* reason, void* user) {
        EXPECT_STRNE(address, "");
        EXPECT_NE(reason, nullptr);
        *static_cast<int*>(user) = is_lost;
      },
      &lost);
  SeenDatagrams server;
  const OwnedDatagramSocket bound = bind(path, server, options.get());
  ASSERT_EQ(::unlink(path.c_str()), 0);
  EXPECT_TRUE(until([&] { return lost == 1; }));
}

TEST_F(c_datagram, are_not_bound_to_a_live_name) {
  SeenDatagrams first;
  const OwnedDatagramSocket bound = bind(path, first);
  hallway_datagram_socket* made = nullptr;
  EXPECT_FAILS(EADDRINUSE, hallway_datagram_socket_bind(loop(), path.c_str(), nullptr, nullptr,
                                                        nullptr, &made, why));
  EXPECT_EQ(made, nullptr);
}

}  // namespace
}  // namespace hallway
