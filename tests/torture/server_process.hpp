// SPDX-License-Identifier: Apache-2.0
//
// A server in a process of its own, so that it can be killed, counted and measured.
#pragma once

#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <hallway/hub.hpp>
#include <hallway/server.hpp>

#include "support/conversation.hpp"
#include "support/processes.hpp"
#include "torture/torture.hpp"

namespace hallway::torture {

/// What a server has reported so far.
struct Events {
  std::atomic<std::uint64_t> connected;
  std::atomic<std::uint64_t> turned_away;
  std::atomic<std::uint64_t> closed;
  std::atomic<std::uint64_t> paused;
  std::atomic<std::uint64_t> dropped;    // of the connections that were closed
  std::atomic<std::uint64_t> allocated;  // bytes, by malloc's account, when it was last asked
  std::atomic<std::uint64_t> accounts;   // how often it was asked
  void note(const ServerEvent& event);
};

class ServerProcess {
 public:
  /// A server of the library that echoes unless told otherwise. SIGTERM drains it.
  struct Library {
    ServerOptions options = {};
    ConnectionHandler handler = test::echo;
    std::size_t descriptor_limit = 0;  ///< 0: as it is
    std::function<void(Loop&, Server&)> also = {};
  };
  /// `hallway serve PATH FLAGS`.
  struct Command {
    std::vector<std::string> flags;
  };

  ServerProcess(const std::string& path, Library library);
  ServerProcess(const std::string& path, Command command);
  ServerProcess(const std::string& path, HubOptions options);

  /// Waits until it serves. False: it has failed.
  bool serving();

  [[nodiscard]] pid_t pid() const noexcept { return process_->pid(); }
  void signal(int number) const { ::kill(pid(), number); }
  void kill() { process_->kill(); }
  /// Waits for its end. Gives its exit status, or 128 and the signal.
  int wait();
  /// Drains it and gives its exit status.
  int terminate();

  [[nodiscard]] Events& events() const noexcept { return **events_; }

  /// KiB that malloc(3) has given out in the server now, by mallinfo2(3). That is what a server
  /// holds on to. Resident memory is not: malloc gives back only what is free at the top of its
  /// heap, so the holes between the few buffers that a pool keeps stay resident, megabytes of them,
  /// more or less by where these happen to lie. Not for a Command. Blocking: until it has answered.
  [[nodiscard]] std::size_t allocated_kib() const;

 private:
  /// Runs something that does not return, and that writes to `ready` once it serves.
  void start(const std::function<void(Descriptor& ready)>& run);

  std::unique_ptr<Shared<Events>> events_ = std::make_unique<Shared<Events>>();
  Descriptor ready_;
  std::unique_ptr<test::ForkedProcess> process_;
};

/// The command under test; empty where it is not built.
std::string command_path();

}  // namespace hallway::torture
