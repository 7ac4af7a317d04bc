// SPDX-License-Identifier: Apache-2.0
//
// One kind of exchange, so many times, and nothing else: what instructions_per_message.py counts.
//
//   exchange send|receive|echo|broadcast|publish MESSAGES
//
// The other side is raw system calls on the same thread, which are few: a thousand messages at a
// time. Nobody asks before he sleeps, because how often is a matter of time.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <hallway/hallway.hpp>

#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"

namespace {

using namespace hallway;
using namespace hallway::test;

constexpr std::size_t message_size = 64;
constexpr std::size_t batch = 1000;
constexpr std::size_t listeners = 10;
const LoopOptions sleeping{.spin = Duration::zero()};
constexpr Framing framing = Framing::len32();

void require(bool holds) {
  if (!holds) std::abort();
}

/// Reads away what is there. Gives how much that was.
std::size_t read_away(int socket) {
  static std::array<char, 256 * kibibyte> nowhere;
  std::size_t bytes = 0;
  for (ssize_t got = 1; got > 0; bytes += static_cast<std::size_t>(std::max<ssize_t>(got, 0))) {
    got = ::recv(socket, nowhere.data(), nowhere.size(), MSG_DONTWAIT);
  }
  return bytes;
}

std::string frames(std::size_t count) {
  const std::string message(message_size, 'm');
  std::string bytes(count * (message_size + framing.overhead()), '\0');
  char* end = bytes.data();
  for (std::size_t i = 0; i < count; ++i) end = framing.write(message, end);
  return bytes;
}

struct Line {
  explicit Line(Loop& loop) : sockets(raw_pair(SOCK_STREAM)) {
    ours.emplace(*Connection::adopt(loop, std::move(sockets.first), {.framing = framing}));
  }
  std::pair<Descriptor, Descriptor> sockets;
  std::optional<Connection> ours;
};

void send(std::size_t messages) {
  Loop loop(sleeping);
  const Line line(loop);
  const std::size_t bytes = frames(batch).size();
  for (std::size_t sent = 0; sent < messages; sent += batch) {
    loop.run([](Connection& connection) -> Task<> {
      const std::string message(message_size, 'm');
      for (std::size_t i = 0; i < batch; ++i) co_await connection.send(message);
      co_await connection.flush();
    }(const_cast<Connection&>(*line.ours)));
    require(read_away(line.sockets.second.get()) == bytes);
  }
}

void receive(std::size_t messages) {
  Loop loop(sleeping);
  const Line line(loop);
  const std::string bytes = frames(batch);
  for (std::size_t got = 0; got < messages; got += batch) {
    require(raw_send(line.sockets.second.get(), bytes) == static_cast<ssize_t>(bytes.size()));
    loop.run([](Connection& connection) -> Task<> {
      for (std::size_t i = 0; i < batch; ++i) {
        const Received received = co_await connection.receive();
        require(received->size() == message_size);
      }
    }(const_cast<Connection&>(*line.ours)));
  }
}

Task<> answer(Connection connection) {
  while (auto message = co_await connection.receive()) co_await connection.send(*message);
}

void echo(std::size_t messages) {
  Loop loop(sleeping);
  auto pair = *Connection::pair(loop, SocketType::stream, {.framing = framing});
  loop.spawn(answer(std::move(pair.second)));
  loop.run([](Connection asking, std::size_t count) -> Task<> {
    const std::string message(message_size, 'm');
    for (std::size_t i = 0; i < count; ++i) {
      co_await asking.send(message);
      const Received received = co_await asking.receive();
      require(received->size() == message_size);
    }
  }(std::move(pair.first), messages));
}

void broadcast(std::size_t messages) {
  const TempDirectory directory;
  Loop loop(sleeping);
  std::vector<Connection*> held;
  const auto hold = [&](Connection connection) -> Task<> {
    held.push_back(&connection);
    co_await loop.sleep(forever);
  };
  const auto server =
      Server::open(loop, directory / "s", hold, {.connection = {.framing = framing}});
  require(server.has_value());
  std::vector<Descriptor> clients;
  while (held.size() <= listeners) {
    clients.push_back(raw_connected(SOCK_STREAM, directory / "s"));
    while (held.size() < clients.size()) loop.turn(forever);
  }
  const std::size_t bytes = frames(batch).size();
  for (std::size_t sent = 0; sent < messages; sent += batch) {
    loop.run([](Connection& from) -> Task<> {
      const std::string message(message_size, 'm');
      for (std::size_t i = 0; i < batch; ++i) co_await from.broadcast(message);
    }(*held[0]));
    loop.turn();
    for (std::size_t i = 1; i <= listeners; ++i) require(read_away(clients[i].get()) == bytes);
  }
}

/// Through a hub to one subscriber.
void publish(std::size_t messages) {
  const TempDirectory directory;
  Loop loop(sleeping);
  const auto hub = Hub::start(loop, directory / "s");
  require(hub.has_value());
  const RawStream publisher(raw_connected(SOCK_STREAM, directory / "s"));
  const RawStream subscriber(raw_connected(SOCK_STREAM, directory / "s"));
  const std::string hello = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n";
  publisher.send(hello);
  subscriber.send(hello + "SUB a.subject 1\r\n");
  while (hub->statistics().subscriptions == 0) loop.turn(forever);
  read_away(subscriber.get());

  const std::string message(message_size, 'm');
  const std::string arrives = "MSG a.subject 1 64\r\n" + message + "\r\n";
  std::string bytes;
  for (std::size_t i = 0; i < batch; ++i) bytes += "PUB a.subject 64\r\n" + message + "\r\n";
  for (std::size_t sent = 0; sent < messages; sent += batch) {
    require(publisher.send(bytes) == static_cast<ssize_t>(bytes.size()));
    std::size_t got = 0;
    while (got < batch * arrives.size()) {
      loop.turn(forever);
      got += read_away(subscriber.get());
    }
    require(got == batch * arrives.size());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view kind = argv[1];
  const std::size_t messages = std::strtoul(argv[2], nullptr, 10);
  if (kind == "send") send(messages);
  if (kind == "receive") receive(messages);
  if (kind == "echo") echo(messages);
  if (kind == "broadcast") broadcast(messages);
  if (kind == "publish") publish(messages);
}
