// SPDX-License-Identifier: Apache-2.0
#include "bench/bench_server.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include <hallway/client.hpp>
#include <hallway/connection.hpp>
#include <hallway/loop.hpp>
#include <hallway/server.hpp>
#include <hallway/socket.hpp>

#include "io/report.hpp"

namespace hallway::tool {

namespace {

/// The message that the child sends once it listens. Any other message is the reason why it cannot.
constexpr const char* listening = "listening";

Result<std::string> private_directory() {
  std::error_code ignored;
  std::filesystem::path base = std::filesystem::temp_directory_path(ignored);
  if (ignored) base = "/tmp";
  std::string name = base / "hallway-bench-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) {
    return std::unexpected(error_of(errno, "make a directory", name));
  }
  return name;
}

void remove(const std::string& directory) {
  std::error_code ignored;  // the other process may have removed it already
  std::filesystem::remove_all(directory, ignored);
}

Task<> echo(Connection peer) {
  while (auto message = co_await peer.receive()) co_await peer.send(*message);
}

Task<> pass_on(Connection peer) {
  while (auto message = co_await peer.receive()) co_await peer.broadcast(*message);
}

/// Sends the result of the start to the parent, and waits until the parent closes the connection.
Task<> stay(Loop& loop, Connection& parent, std::string started) {
  co_await parent.send(started);
  static_cast<void>(co_await parent.receive());
  loop.stop();
}

/// The main function of the child.
void serve(const Load& load, Descriptor parent_end, const std::string& directory) {
  Loop loop(load.loop);
  auto parent = Connection::adopt(loop, std::move(parent_end));
  if (!parent) return;
  const bool passes_on = load.pattern == Pattern::broadcast;
  ServerOptions options;
  options.type = load.wire.type;
  options.connection = {
      .framing = load.wire.framing, .limits = load.wire.limits(), .overflow = OverflowPolicy::wait};
  options.server_limits = {.max_connections = load.connections + 1,
                           .max_connections_per_uid = load.connections + 1};
  const auto server =
      Server::open(loop, directory + "/server.sock", passes_on ? pass_on : echo, options);
  loop.spawn(stay(loop, *parent, server ? listening : server.error().why()));
  loop.run();
}

[[noreturn]] void live(const Load& load, Descriptor parent_end, const std::string& directory) {
  // Ctrl-C is meant for the parent. The child ends when the parent closes the connection.
  setpgid(0, 0);
  serve(load, std::move(parent_end), directory);
  remove(directory);
  _exit(exit_status::done);  // does not print output that the parent had buffered before fork()
}

}  // namespace

struct BenchServer::State {
  std::string directory;
  pid_t pid = 0;
  std::optional<Client> child;  // closing this connection ends the child
  Address address;
};

BenchServer::BenchServer(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
BenchServer::BenchServer(BenchServer&&) noexcept = default;

BenchServer::~BenchServer() {
  if (state_ != nullptr && state_->pid != 0) stop();
}

Result<BenchServer> BenchServer::start(const Load& load) {
  auto pair = socket_pair();
  if (!pair) return std::unexpected(pair.error());
  auto directory = private_directory();
  if (!directory) return std::unexpected(directory.error());
  const pid_t pid = fork();
  if (pid == 0) {
    pair->first = Descriptor();
    live(load, std::move(pair->second), *directory);
  }
  pair->second = Descriptor();
  if (pid < 0) {
    remove(*directory);
    return std::unexpected(error_of(errno, "start", "a server"));
  }
  BenchServer server(std::make_unique<State>());
  server.state_->directory = *directory;
  server.state_->pid = pid;
  auto client = Client::adopt(std::move(pair->first));
  if (!client) return std::unexpected(client.error());
  server.state_->child = std::move(*client);
  const Received started = server.state_->child->receive(defaults::connect_time);
  if (!started) return std::unexpected(started.error());
  if (*started != listening) {
    return std::unexpected(
        error_of(std::errc::io_error, "start", "a server", std::string(started->bytes())));
  }
  auto address = Address::path(*directory + "/server.sock");
  if (!address) return std::unexpected(address.error());
  server.state_->address = std::move(*address);
  return server;
}

const Address& BenchServer::address() const noexcept { return state_->address; }

Duration BenchServer::stop() {
  state_->child.reset();
  rusage used{};
  while (wait4(state_->pid, nullptr, 0, &used) < 0 && errno == EINTR) {
  }
  state_->pid = 0;
  remove(state_->directory);
  return std::chrono::seconds(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         std::chrono::microseconds(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

}  // namespace hallway::tool
