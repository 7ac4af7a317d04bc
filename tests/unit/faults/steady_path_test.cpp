// SPDX-License-Identifier: Apache-2.0
//
// Once it is under way, an exchange of messages allocates nothing.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/client.hpp>
#include <hallway/hub.hpp>
#include <hallway/hub_client.hpp>
#include <hallway/server.hpp>

#include "support/conversation.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "support/waiting.hpp"
#include "unit/faults/allocations.hpp"
#include "wire/nats_parser.hpp"
#include "wire/nats_writer.hpp"

namespace hallway {
namespace {

using namespace test;

constexpr unsigned warm_up = 50;
constexpr unsigned measured = 1000;

/// Counts what happens between two points of a task.
class Count {
 public:
  void begin() { counting_.emplace(0); }
  void end() {
    made = FailingAllocation::made();
    counting_.reset();
  }
  std::optional<unsigned> made;

 private:
  std::optional<FailingAllocation> counting_;
};

Task<> ask(Connection connection, std::string question, Count& count) {
  for (unsigned i = 0; i < warm_up + measured; ++i) {
    if (i == warm_up) count.begin();
    co_await connection.send(question);
    if (auto answer = co_await connection.receive(); !answer) co_return;
  }
  count.end();
}

Task<> ask_now_and_then(Connection& connection) {
  while (true) {
    co_await connection.send("a neighbour");
    if (auto answer = co_await connection.receive(); !answer) co_return;
  }
}

TEST(steady_path, question_and_answer_allocate_nothing) {
  Loop loop;
  for (const SocketType type : {SocketType::stream, SocketType::seqpacket}) {
    auto pair = Connection::pair(loop, type);
    ASSERT_TRUE(pair);
    Count count;
    loop.spawn(echo(std::move(pair->second)));
    loop.run(ask(std::move(pair->first), std::string(64, 'q'), count));
    EXPECT_EQ(count.made, 0U);
  }
}

TEST(steady_path, neighbours_on_the_same_server_allocate_nothing) {
  const TempDirectory directory;
  Loop loop;
  auto server = Server::open(loop, directory / "s", echo);
  ASSERT_TRUE(server);
  const auto connect = [&] {
    auto made = loop.run(Connection::connect(loop, directory / "s"));
    EXPECT_TRUE(made);
    return std::move(*made);
  };
  Connection neighbour = connect();
  Connection asking = connect();
  Count count;
  loop.spawn(ask_now_and_then(neighbour));
  loop.run(ask(std::move(asking), std::string(64, 'q'), count));
  EXPECT_EQ(count.made, 0U);
}

TEST(steady_path, a_stream_of_messages_allocates_nothing) {
  Loop loop;
  auto pair = Connection::pair(loop);
  ASSERT_TRUE(pair);
  Count count;
  const auto send = [](Connection connection, Count& counted) -> Task<> {
    const std::string message(64, 's');
    constexpr unsigned several_queues = 50'000;
    for (unsigned i = 0; i < 2 * several_queues; ++i) {
      if (i == several_queues) counted.begin();
      co_await connection.send(message);
    }
    counted.end();
  };
  const auto receive = [](Connection connection) -> Task<> {
    while (auto message = co_await connection.receive()) {
    }
  };
  loop.spawn(receive(std::move(pair->second)));
  loop.run(send(std::move(pair->first), count));
  EXPECT_EQ(count.made, 0U);
}

// Several subjects, so that batches begin and end, and subscribers with other lines.
TEST(steady_path, a_hub_allocates_nothing) {
  const TempDirectory directory;
  Loop loop;
  auto hub = Hub::start(loop, directory / "hub");
  ASSERT_TRUE(hub);
  std::vector<RawStream> clients;
  for (int i = 0; i < 3; ++i) {
    RawStream& client = clients.emplace_back(raw_connected(SOCK_STREAM, directory / "hub"));
    client.send("CONNECT {\"verbose\":false}\r\nSUB a.* " + std::to_string(i / 2) + "\r\n");
  }
  ASSERT_TRUE(run_until(loop, [&] { return hub->statistics().subscriptions == 3; }));
  const std::string several =
      "PUB a.b 3\r\none\r\nPUB a.b 3\r\ntwo\r\nPUB a.c 5\r\nthree\r\nPUB nobody 1\r\nx\r\n";
  std::array<char, 4096> nowhere;
  std::uint64_t published = 0;
  const auto publish = [&] {
    ASSERT_EQ(::send(clients[0].get(), several.data(), several.size(), 0),
              static_cast<ssize_t>(several.size()));
    published += 4;
    while (hub->statistics().messages_in < published) loop.turn();
    for (int i = 0; i < 3; ++i) loop.turn();
    for (const RawStream& client : clients) {
      while (::recv(client.get(), nowhere.data(), nowhere.size(), MSG_DONTWAIT) > 0) {
      }
    }
  };
  std::optional<FailingAllocation> counting;
  for (unsigned i = 0; i < warm_up + measured; ++i) {
    if (i == warm_up) counting.emplace(0);
    publish();
  }
  const unsigned made = FailingAllocation::made();
  counting.reset();
  EXPECT_EQ(made, 0U);
  EXPECT_EQ(hub->statistics().messages_out, std::uint64_t{3} * 3 * (warm_up + measured));
}

TEST(steady_path, publishing_to_a_hub_allocates_nothing) {
  const TempDirectory directory;
  Loop loop;
  auto hub = Hub::start(loop, directory / "hub");
  ASSERT_TRUE(hub);
  auto client = loop.run(hub::Client::connect(loop, directory / "hub"));
  ASSERT_TRUE(client);
  std::optional<FailingAllocation> counting;
  for (unsigned i = 0; i < warm_up + measured; ++i) {
    if (i == warm_up) counting.emplace(0);
    // Like the one before every second time.
    ASSERT_TRUE(client->try_publish("a.subject", i % 4 < 2 ? "one" : "three"));
    while (hub->statistics().messages_in <= i) loop.turn();
  }
  const unsigned made = FailingAllocation::made();
  counting.reset();
  EXPECT_EQ(made, 0U);
}

TEST(steady_path, a_blocking_client_allocates_nothing) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  auto client = Client::adopt(std::move(near));
  ASSERT_TRUE(client);
  const std::string question(64, 'q');
  std::array<char, 65> received_bytes;
  std::optional<FailingAllocation> counting;
  for (unsigned i = 0; i < warm_up + measured; ++i) {
    if (i == warm_up) counting.emplace(0);
    const bool sent = static_cast<bool>(client->send(question));
    const ssize_t got = ::recv(far.get(), received_bytes.data(), received_bytes.size(), 0);
    const ssize_t answered =
        ::send(far.get(), received_bytes.data(), static_cast<std::size_t>(got), 0);
    const bool received = static_cast<bool>(client->receive());
    ASSERT_TRUE(sent && answered == 65 && received);
  }
  EXPECT_EQ(FailingAllocation::made(), 0U);
}

TEST(steady_path, reading_and_writing_nats_operations_allocates_nothing) {
  nats::Parser parser(nats::Sender::client);
  const std::string stream =
      "PUB subject 64\r\n" + std::string(64, 'p') + "\r\nSUB subject queue 1\r\nPING\r\n";
  std::array<char, 128> answer;
  std::optional<FailingAllocation> counting;
  unsigned found = 0;
  // Pieces that end everywhere, so that every byte has its turn to be the last of one.
  constexpr std::size_t piece_size = 63;
  const std::string repeated = stream + stream;
  std::size_t at = 0;
  for (unsigned i = 0; i < warm_up + measured; ++i) {
    if (i == warm_up) counting.emplace(0);
    parser.arrive(ByteView(repeated).substr(at, piece_size));
    at = (at + piece_size) % stream.size();
    while (const nats::Operation* operation = parser.next()) {
      ASSERT_LE(nats::written_size(*operation), answer.size());
      nats::write(*operation, answer.data());
      ++found;
    }
  }
  EXPECT_EQ(FailingAllocation::made(), 0U);
  EXPECT_EQ(parser.error(), nats::ProtocolError::none);
  EXPECT_GE(found, 3 * ((warm_up + measured) * piece_size / stream.size()));
}

}  // namespace
}  // namespace hallway
