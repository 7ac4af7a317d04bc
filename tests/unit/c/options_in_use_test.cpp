// SPDX-License-Identifier: Apache-2.0
//
// What each option of the C interface changes, where no other test sees it.
#include <gtest/gtest.h>
#include <hallway.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

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

class c_options_in_use : public OnALoop {
 protected:
  /// A connection with these options and a raw peer.
  void start(const OwnedConnectionOptions& options) {
    auto [near, far] = raw_pair(SOCK_STREAM);
    hallway_connection* made = nullptr;
    ASSERT_OK(hallway_adopt(loop(), near.release(), options.get(), nullptr, &made, why));
    seen.watch(made);
    peer.emplace(std::move(far));
  }
  bool until_closed() {
    return until([&] { return seen.closed.has_value(); });
  }
  OwnedServer open(const OwnedServerOptions& options) {
    hallway_server* made = nullptr;
    EXPECT_OK(hallway_server_open(
        loop(), path.c_str(), options.get(),
        [](hallway_connection* client, void* user) {
          auto* self = static_cast<c_options_in_use*>(user);
          ++self->clients;
          self->seen.watch(client);
        },
        this, &made, why));
    return OwnedServer(made);
  }

  Seen seen;
  int clients = 0;
  std::optional<RawStream> peer;
};

TEST_F(c_options_in_use, times_end_connections_that_are_too_slow) {
  const auto expect_timed_out = [&](auto set, std::string_view first) {
    seen = {};
    const OwnedConnectionOptions options(hallway_connection_options_new());
    set(options.get(), briefly);
    start(options);
    if (!first.empty()) peer->send(first);
    EXPECT_TRUE(until_closed());
    EXPECT_EQ(seen.closed, HALLWAY_FAILED);
    EXPECT_EQ(seen.code, ETIMEDOUT);
  };
  expect_timed_out(hallway_connection_options_set_idle_time, "");
  expect_timed_out(hallway_connection_options_set_handshake_time, "");
  expect_timed_out(hallway_connection_options_set_message_time, "begin");
}

TEST_F(c_options_in_use, outbound_soft_is_where_sends_begin_to_wait) {
  const OwnedConnectionOptions options(hallway_connection_options_new());
  hallway_connection_options_set_outbound_soft(options.get(), 100);
  start(options);
  const std::string message(150, 'x');
  EXPECT_OK(hallway_send(seen.connection, message.data(), message.size(), why));
  EXPECT_EQ(hallway_send(seen.connection, "x", 1, why), HALLWAY_WOULD_BLOCK);
}

TEST_F(c_options_in_use, outbound_soft_time_ends_a_connection_whose_peer_does_not_read) {
  const OwnedConnectionOptions options(hallway_connection_options_new());
  hallway_connection_options_set_outbound_soft(options.get(), 100);
  hallway_connection_options_set_outbound_soft_time(options.get(), briefly);
  hallway_connection_options_set_send_buffer(options.get(), 0);
  start(options);
  const std::string message(std::size_t{16} * 1024, 'x');
  EXPECT_TRUE(until([&] {
    while (!seen.closed &&
           hallway_send(seen.connection, message.data(), message.size(), why) == HALLWAY_OK) {
    }
    return seen.closed.has_value();
  }));
  EXPECT_EQ(seen.closed, HALLWAY_FAILED);
}

TEST_F(c_options_in_use, outbound_hard_ends_a_connection_that_is_behind_with_broadcasts) {
  const OwnedConnectionOptions each(hallway_connection_options_new());
  hallway_connection_options_set_outbound_hard(each.get(), std::size_t{64} * 1024);
  hallway_connection_options_set_send_buffer(each.get(), 0);
  const OwnedServerOptions options(hallway_server_options_new());
  hallway_server_options_set_connection(options.get(), each.get());
  const OwnedServer server = open(options);
  const RawStream slow(raw_connected(SOCK_STREAM, path));
  ASSERT_TRUE(until([&] { return clients == 1; }));
  const std::string message(std::size_t{16} * 1024, 'x');
  EXPECT_TRUE(until([&] {
    EXPECT_OK(hallway_server_broadcast(server.get(), message.data(), message.size(), why));
    return seen.closed.has_value();
  }));
}

TEST_F(c_options_in_use, a_server_accepts_as_many_clients_as_it_may_have) {
  const OwnedServerOptions options(hallway_server_options_new());
  hallway_server_options_set_max_connections(options.get(), 1);
  hallway_server_options_set_backlog(options.get(), 8);
  hallway_server_options_set_max_memory(options.get(), 1 << 20, 1 << 20);
  const OwnedServer server = open(options);
  std::optional<RawStream> first(raw_connected(SOCK_STREAM, path));
  const RawStream second(raw_connected(SOCK_STREAM, path));
  ASSERT_TRUE(until([&] { return clients == 1; }));
  turn_a_few_times();
  EXPECT_EQ(clients, 1);
  first.reset();
  ASSERT_TRUE(until_closed());
  seen = {};
  EXPECT_TRUE(until([&] { return clients == 2; }));
}

TEST_F(c_options_in_use, a_connection_that_is_made_by_others_has_its_options) {
  const OwnedConnectionOptions each(hallway_connection_options_new());
  ASSERT_OK(hallway_connection_options_set_framing(each.get(), "null", why));
  const Descriptor listener = raw_listening(SOCK_STREAM, path);
  const OwnedConnectOptions options(hallway_connect_options_new());
  hallway_connect_options_set_connection(options.get(), each.get());
  hallway_client* made = nullptr;
  ASSERT_OK(hallway_client_connect(path.c_str(), options.get(), nullptr, &made, why));
  const OwnedClient client(made);
  ASSERT_OK(hallway_client_send(made, "one", 3, soon, why));
  const Descriptor accepted =
      Descriptor::adopt(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_EQ(raw_receive(accepted.get()).bytes, std::string("one\0", 4));

  const OwnedChildOptions of_child(hallway_child_options_new());
  hallway_child_options_set_connection(of_child.get(), each.get());
  const std::vector<const char*> echo{"printf", "a\\0b\\0", nullptr};
  // The loop waits for the exit only of a child that has somebody to call then.
  const auto on_exit = [](hallway_child*, int, int, hallway_outcome, const hallway_error*, void*) {
  };
  hallway_child* child = nullptr;
  ASSERT_OK(
      hallway_child_spawn(loop(), echo.data(), of_child.get(), on_exit, nullptr, &child, why));
  const OwnedChild owned(child);
  seen.watch(hallway_child_connection(child));
  EXPECT_TRUE(until_closed());
  EXPECT_EQ(seen.messages, (Messages{"a", "b"}));
  EXPECT_OK(hallway_loop_run(loop(), nullptr, why)) << "until the exit of the child";
}

TEST_F(c_options_in_use, a_datagram_socket_has_the_mode_and_the_receiver_it_was_given) {
  const OwnedDatagramOptions options(hallway_datagram_options_new());
  hallway_datagram_options_set_mode(options.get(), 0640);
  hallway_datagram_socket* made = nullptr;
  ASSERT_OK(hallway_datagram_socket_bind(loop(), path.c_str(), options.get(), nullptr, nullptr,
                                         &made, why));
  const OwnedDatagramSocket bound(made);
  struct stat file{};
  ASSERT_EQ(::stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777U, 0640U);
  hallway_datagram_options_set_server_uid(options.get(), ::geteuid() + 1);
  hallway_datagram_socket* refused = nullptr;
  EXPECT_FAILS(EPERM, hallway_datagram_socket_connect(loop(), path.c_str(), options.get(), nullptr,
                                                      nullptr, &refused, why));
}

}  // namespace
}  // namespace hallway
