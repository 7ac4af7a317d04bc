// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <hallway.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <deque>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/raw_socket.hpp"
#include "unit/c/using_c.hpp"

namespace hallway {
namespace {

using namespace test;

using Messages = std::vector<std::string>;

class c_server : public OnALoop {
 protected:
  struct Event {
    hallway_server_event_kind kind;
    std::uint64_t connection;
    hallway_peer peer;
    std::string reason;
    hallway_counters counters;
    std::string text;
  };

  c_server() : options(hallway_server_options_new()) {
    hallway_server_options_on_event(
        options.get(),
        [](const hallway_server_event* event, void* user) {
          static_cast<c_server*>(user)->events.push_back(
              {hallway_server_event_kind_of(event), hallway_server_event_connection(event),
               hallway_server_event_peer(event), hallway_server_event_reason(event),
               hallway_server_event_counters(event), hallway_server_event_text(event)});
        },
        this);
  }

  hallway_outcome open(const std::string& address, OwnedServer& into) {
    hallway_server* made = nullptr;
    const hallway_outcome outcome = hallway_server_open(
        loop(), address.c_str(), options.get(),
        [](hallway_connection* client, void* user) {
          EXPECT_EQ(hallway_connection_user(client), user);
          auto* self = static_cast<c_server*>(user);
          self->clients.emplace_back().watch(client);
        },
        this, &made, why);
    into.reset(made);
    return outcome;
  }
  void open() { ASSERT_OK(open(path, server)); }

  /// A raw client that the server has accepted.
  RawStream connect(int type = SOCK_STREAM) {
    const std::size_t before = clients.size();
    RawStream client(raw_connected(type, path));
    EXPECT_TRUE(until([&] { return clients.size() > before; }));
    return client;
  }
  bool until_received(RawStream& client, const std::string& bytes) {
    return until([&] {
      client.collect();
      return client.received == bytes;
    });
  }
  [[nodiscard]] std::size_t count(hallway_server_event_kind kind) const {
    return static_cast<std::size_t>(std::count_if(
        events.begin(), events.end(), [kind](const Event& event) { return event.kind == kind; }));
  }

  std::vector<Event> events;
  std::deque<Seen> clients;
  OwnedServerOptions options;
  OwnedServer server;
};

TEST_F(c_server, serves_its_clients) {
  open();
  EXPECT_EQ(hallway_server_address(server.get()), "unix:" + path);
  EXPECT_EQ(hallway_server_connections(server.get()), 0U);
  EXPECT_EQ(hallway_server_lost(server.get()), nullptr);
  RawStream first = connect();
  RawStream second = connect();
  EXPECT_EQ(hallway_server_connections(server.get()), 2U);
  EXPECT_EQ(hallway_connection_number(clients[0].connection), 1U);
  EXPECT_EQ(hallway_connection_number(clients[1].connection), 2U);
  first.send("one\n");
  second.send("two\n");
  EXPECT_TRUE(until([&] {
    return clients[0].messages == Messages{"one"} && clients[1].messages == Messages{"two"};
  }));
  first.close();
  EXPECT_TRUE(until([&] { return clients[0].closed.has_value(); }));
  EXPECT_TRUE(until([&] { return count(HALLWAY_EVENT_CLOSED) == 1; }));
  EXPECT_EQ(hallway_server_connections(server.get()), 1U);
  ASSERT_EQ(count(HALLWAY_EVENT_CONNECTED), 2U);
  EXPECT_EQ(events[0].peer.uid, ::geteuid());
  EXPECT_EQ(events[0].connection, 1U);
  EXPECT_NE(events[0].text, "");
  const Event& closed = events.back();
  EXPECT_EQ(closed.kind, HALLWAY_EVENT_CLOSED);
  EXPECT_EQ(closed.counters.messages_received, 1U);
  EXPECT_NE(closed.reason, "");
}

TEST_F(c_server, serves_seqpacket_with_a_mode_and_options_of_its_connections) {
  const OwnedConnectionOptions each(hallway_connection_options_new());
  hallway_connection_options_set_max_message(each.get(), 5);
  hallway_server_options_set_connection(options.get(), each.get());
  ASSERT_OK(hallway_server_options_set_type(options.get(), HALLWAY_SEQPACKET, why));
  hallway_server_options_set_mode(options.get(), 0640);
  open();
  struct stat file{};
  ASSERT_EQ(::stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777U, 0640U);
  const RawStream client = connect(SOCK_SEQPACKET);
  client.send("five!");
  EXPECT_TRUE(until([&] { return clients[0].messages == Messages{"five!"}; }));
  client.send("six is over");
  EXPECT_TRUE(until([&] { return clients[0].closed.has_value(); }));
  EXPECT_EQ(clients[0].closed, HALLWAY_FAILED);
  EXPECT_EQ(clients[0].code, EMSGSIZE);
}

TEST_F(c_server, does_not_take_what_belongs_to_another) {
  const Descriptor live = raw_listening(SOCK_STREAM, path);
  EXPECT_FAILS(EADDRINUSE, open(path, server));
  EXPECT_EQ(server, nullptr);
  std::ofstream(directory / "file") << "not a socket";
  EXPECT_FAILS(EEXIST, open(directory / "file", server));
  EXPECT_FAILS(ENOENT, open(directory / "no/such/directory", server));
  EXPECT_FAILS(EINVAL, open("", server));
}

TEST_F(c_server, replaces_a_stale_socket_file) {
  raw_bound(SOCK_STREAM, path).close();
  open();
  connect();
}

TEST_F(c_server, turns_away_clients_that_no_rule_admits) {
  ASSERT_OK(hallway_server_options_add_allow(
      options.get(), ("uid:" + std::to_string(::geteuid() + 1)).c_str(), why));
  open();
  const RawStream refused(raw_connected(SOCK_STREAM, path));
  EXPECT_TRUE(until([&] { return count(HALLWAY_EVENT_TURNED_AWAY) == 1; }));
  const std::array<const char*, 2> rules{"root", "any"};
  EXPECT_OK(hallway_server_set_allow(server.get(), rules.data(), rules.size(), why));
  connect();
  const std::array<const char*, 1> wrong{"nonsense"};
  EXPECT_FAILS(EINVAL, hallway_server_set_allow(server.get(), wrong.data(), 1, why));
  connect();
  EXPECT_OK(hallway_server_set_allow(server.get(), nullptr, 0, why));
  connect();
}

TEST_F(c_server, sends_its_text_to_a_client_that_is_refused_for_a_limit) {
  hallway_server_options_set_max_connections_per_uid(options.get(), 1);
  ASSERT_OK(hallway_server_options_set_refusal_text(options.get(), "full\n", 5, why));
  open();
  const RawStream first = connect();
  RawStream second(raw_connected(SOCK_STREAM, path));
  EXPECT_TRUE(until_received(second, "full\n"));
}

TEST_F(c_server, broadcasts_to_all_and_a_connection_to_all_others) {
  open();
  RawStream first = connect();
  RawStream second = connect();
  EXPECT_OK(hallway_server_broadcast(server.get(), "all", 3, why));
  EXPECT_OK(hallway_broadcast(clients[0].connection, "others", 6, why));
  EXPECT_TRUE(until_received(first, "all\n"));
  EXPECT_TRUE(until_received(second, "all\nothers\n"));
}

TEST_F(c_server, lets_a_broadcast_wait_for_a_slow_client) {
  const OwnedConnectionOptions each(hallway_connection_options_new());
  ASSERT_OK(hallway_connection_options_set_overflow(each.get(), HALLWAY_OVERFLOW_WAIT, why));
  hallway_server_options_set_connection(options.get(), each.get());
  open();
  RawStream slow = connect();
  int writable = 0;
  hallway_server_on_writable(
      server.get(), [](hallway_server*, void* user) { ++*static_cast<int*>(user); }, &writable);
  const std::string large(std::size_t{256} * 1024, 'x');
  hallway_outcome outcome = HALLWAY_OK;
  std::size_t sent = 0;
  for (; outcome == HALLWAY_OK && sent < 1000; ++sent) {
    outcome = hallway_server_broadcast(server.get(), large.data(), large.size(), why);
    EXPECT_OK(hallway_loop_turn(loop(), 0, nullptr, why));
  }
  EXPECT_EQ(outcome, HALLWAY_WOULD_BLOCK);
  EXPECT_TRUE(until([&] {
    slow.collect();
    return writable > 0;
  }));
  EXPECT_OK(hallway_server_broadcast(server.get(), "now", 3, why));
}

TEST_F(c_server, drains) {
  open();
  const RawStream client = connect();
  client.send("last\n");
  ASSERT_OK(hallway_server_drain(server.get(), why));
  EXPECT_TRUE(until([&] { return clients[0].closed.has_value(); }));
  EXPECT_EQ(clients[0].messages, Messages{"last"});
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), ENOENT);
}

TEST_F(c_server, stops_at_once_when_it_is_freed) {
  open();
  RawStream client = connect();
  server.reset();
  EXPECT_EQ(clients[0].closed, HALLWAY_CLOSED);
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), ENOENT);
  client.collect();
  EXPECT_TRUE(client.ended);
}

TEST_F(c_server, notices_that_its_path_is_lost) {
  open();
  ASSERT_EQ(::unlink(path.c_str()), 0);
  EXPECT_TRUE(until([&] { return count(HALLWAY_EVENT_PATH_LOST) == 1; }));
  EXPECT_STRNE(hallway_server_lost(server.get()), nullptr);
}

TEST_F(c_server, is_taken_over_by_a_successor) {
  hallway_server_options_set_takeover(options.get(), 1);
  open();
  const RawStream client = connect();
  // The successor asks the predecessor, which answers on a loop that has to turn meanwhile.
  hallway_loop* other = nullptr;
  ASSERT_OK(hallway_loop_new(-1, &other, why));
  const OwnedLoop owned(other);
  std::optional<hallway_outcome> outcome;
  hallway_server* successor = nullptr;
  const OwnedServerOptions its(hallway_server_options_new());
  hallway_server_options_set_takeover(its.get(), 1);
  std::atomic<bool> done = false;
  std::thread thread([&] {
    outcome = hallway_server_open(
        other, path.c_str(), its.get(), [](hallway_connection*, void*) {}, nullptr, &successor,
        nullptr);
    done = true;
  });
  EXPECT_TRUE(until([&] { return done.load(); }));
  thread.join();
  EXPECT_EQ(outcome, HALLWAY_OK);
  const OwnedServer taken(successor);
  EXPECT_TRUE(until([&] { return count(HALLWAY_EVENT_TAKEN_OVER) == 1; }));
}

TEST_F(c_server, may_be_asked_by_the_last_callbacks_while_it_is_freed) {
  struct Asked {
    hallway_server* server = nullptr;
    int times = 0;
    static void closed(hallway_connection* client, hallway_outcome outcome,
                       const hallway_error* /*error*/, void* user) {
      auto* mine = static_cast<Asked*>(user);
      ++mine->times;
      EXPECT_EQ(outcome, HALLWAY_CLOSED);
      EXPECT_EQ(hallway_server_connections(mine->server), 0U);
      EXPECT_EQ(hallway_server_lost(mine->server), nullptr);
      EXPECT_EQ(hallway_server_broadcast(mine->server, "x", 1, nullptr), HALLWAY_CLOSED);
      EXPECT_EQ(hallway_server_set_allow(mine->server, nullptr, 0, nullptr), HALLWAY_CLOSED);
      EXPECT_EQ(hallway_server_drain(mine->server, nullptr), HALLWAY_CLOSED);
      EXPECT_EQ(hallway_broadcast(client, "x", 1, nullptr), HALLWAY_CLOSED);
    }
  } asked;
  ASSERT_OK(hallway_server_open(
      loop(), path.c_str(), nullptr,
      [](hallway_connection* client, void*) {
        hallway_connection_on_closed(client, Asked::closed);
      },
      &asked, &asked.server, why));
  const RawStream first(raw_connected(SOCK_STREAM, path));
  const RawStream second(raw_connected(SOCK_STREAM, path));
  EXPECT_TRUE(until([&] { return hallway_server_connections(asked.server) == 2; }));
  hallway_server_free(asked.server);
  EXPECT_EQ(asked.times, 2);
}

}  // namespace
}  // namespace hallway
