// SPDX-License-Identifier: Apache-2.0
#include "serve/program.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>

#include <hallway/child.hpp>
#include <hallway/descriptor.hpp>

namespace hallway::tool {

namespace {

/// A program and its process group. It gets SIGTERM when the server drains, and is killed with this
/// object, unless it has ended.
class Running {
 public:
  Running(Loop& loop, Child child)
      : child_(std::move(child)),
        on_drain_(loop.on_drain([this] { static_cast<void>(child_.kill(SIGTERM)); })) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (!ended_) static_cast<void>(child_.kill(SIGKILL));
  }

  Task<Result<ExitStatus>> wait() {
    auto status = co_await child_.wait();
    ended_ = true;
    co_return status;
  }

 private:
  Child child_;
  bool ended_ = false;
  Loop::DrainCallback on_drain_;
};

}  // namespace

ProgramPerConnection::ProgramPerConnection(Loop& loop, Events& events,
                                           std::vector<std::string> program)
    : loop_(&loop), events_(&events), program_(std::move(program)) {}

std::vector<std::string> ProgramPerConnection::environment(const Peer& peer) const {
  return {"PROTO=IPC",
          fmt::format("IPCREMOTEEUID={}", peer.uid),
          fmt::format("IPCREMOTEEGID={}", peer.gid),
          fmt::format("IPCREMOTEPID={}", peer.pid),
          "IPCREMOTEPATH=",
          fmt::format("IPCCONNNUM={}", running_.at(peer.uid))};
}

Task<> ProgramPerConnection::serve(Connection connection) {
  const Peer peer = connection.peer();
  const std::uint64_t number = connection.number();
  ++running_[peer.uid];
  co_await run(number, std::move(connection).release(), environment(peer));
  if (--running_[peer.uid] == 0) running_.erase(peer.uid);
}

Task<> ProgramPerConnection::run(std::uint64_t connection, Descriptor socket,
                                 std::vector<std::string> environment) {
  auto child = Child::spawn_with(*loop_, program_, {socket.get(), socket.get(), STDERR_FILENO},
                                 {.environment = std::move(environment), .own_group = true});
  // Only the program decides when the client sees the connection end.
  socket.close();
  if (!child) {
    events_->error("program failed", connection, child.error());
    co_return;
  }
  Running running(*loop_, std::move(*child));
  const auto status = co_await running.wait();
  if (!status) {
    events_->error("program failed", connection, status.error());
    co_return;
  }
  const std::string ended = status->to_string();
  events_->log(Events::Level::usual, "closed", connection, "the program ended: " + ended,
               {{"reason", ended}});
}

}  // namespace hallway::tool
