// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// Child processes: one at the other end of a socket pair, or one that merely runs.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <hallway/connection.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/loop.hpp>
#include <hallway/task.hpp>

namespace hallway {

/// How a process ended.
struct ExitStatus {
  int code = 0;    ///< its exit status, when signal is 0
  int signal = 0;  ///< the signal that ended it, or 0
  [[nodiscard]] bool success() const noexcept { return code == 0 && signal == 0; }
  /// "exit status 3", "signal 9 (Killed)", "signal 34 (real-time signal)". A signal without a
  /// description in the C library is a number alone: "signal 99".
  [[nodiscard]] HALLWAY_EXPORT std::string to_string() const;
};

/// What a child gets besides its standard descriptors.
struct ProcessOptions {
  /// Set in the child's environment, replacing what is there; NAME=VALUE.
  std::vector<std::string> environment = {};
  /// A process group of its own: the terminal's Ctrl-C does not reach it, and kill() reaches
  /// what it started, too.
  bool own_group = false;
};

/// How a child at the other end of a socket pair speaks with us.
struct ChildOptions {
  SocketType type = SocketType::stream;
  ConnectionOptions connection = {};
  ProcessOptions process = {};
};

/// A process this one started. It gets its standard descriptors and nothing else that is open
/// here, the default signal dispositions, and none of what was for us alone: LISTEN_*,
/// NOTIFY_SOCKET, WATCHDOG_*.
///
/// To learn how a child ended, spawn() and spawn_with() set SIGCHLD to SIG_DFL where it is ignored
/// (a parent that ignores it passes that on), and take SA_NOCLDWAIT from a handler of yours. The
/// signal is not used otherwise: a handler for it is left alone.
///
/// A child that is let go of is not killed: it sees its connection end. The loop reaps it as long
/// as it lives itself. Thread: the loop's.
class HALLWAY_EXPORT Child {
 public:
  /// Starts `command` (found through PATH when it has no slash) with one end of a socket pair as
  /// its standard input and output; standard error stays ours.
  /// @errors no_such_file_or_directory, permission_denied: the program; else the kernel's
  static Result<Child> spawn(Loop& loop, std::vector<std::string> command,
                             ChildOptions options = {});

  /// Starts `command` with `standard` as its standard input, output and error; all borrowed
  /// numbers. Such a child has no connection().
  static Result<Child> spawn_with(Loop& loop, std::vector<std::string> command,
                                  const int (&standard)[3], const ProcessOptions& options = {});

  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;
  ~Child();

  /// Precondition: started by spawn().
  [[nodiscard]] Connection& connection() noexcept;

  [[nodiscard]] int pid() const noexcept;

  /// Completes when the process has ended. Once.
  /// @errors no_child_process: it has ended, and nobody knows how, because the program ignored
  ///         SIGCHLD again after spawn()
  [[nodiscard]] Task<Result<ExitStatus>> wait();

  /// Sends a signal, to the whole group of a child that has its own. One that has ended is no
  /// error.
  Result<void> kill(int signal);

 private:
  struct State;
  explicit Child(std::unique_ptr<State> state) noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace hallway
