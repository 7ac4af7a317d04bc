// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// Child processes: with a connection to this process (a socket pair), or without one.
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
  /// "exit status 3", "signal 9 (Killed)", "signal 34 (real-time signal)". If the C library has no
  /// description of the signal, only its number: "signal 99".
  [[nodiscard]] HALLWAY_EXPORT std::string to_string() const;
};

/// A child's environment and process group.
struct ProcessOptions {
  /// NAME=VALUE entries of the child's environment; they replace inherited values.
  std::vector<std::string> environment = {};
  /// Start the child in its own process group: the terminal's Ctrl-C does not reach it, and kill()
  /// also reaches the processes that the child started.
  bool own_group = false;
};

/// Options of spawn(): the socket pair, the connection over it, and the process.
struct ChildOptions {
  SocketType type = SocketType::stream;
  ConnectionOptions connection = {};
  ProcessOptions process = {};
};

/// A process started by this one. It gets its standard descriptors and no other open descriptor,
/// the default signal dispositions, and none of the variables meant for this process alone:
/// LISTEN_*, NOTIFY_SOCKET, WATCHDOG_*.
///
/// To obtain a child's exit status, spawn() and spawn_with() set SIGCHLD to SIG_DFL if it is
/// ignored (a process may inherit that from its parent), and clear SA_NOCLDWAIT of a handler. They
/// do not use the signal otherwise: an installed handler stays in place.
///
/// Destroying a Child does not kill the process: the process sees its connection end. As long as
/// the loop exists, the loop reaps it. Thread: the loop's.
class HALLWAY_EXPORT Child {
 public:
  /// Starts `command` (found through PATH when it has no slash) with one end of a socket pair as
  /// its standard input and output; it inherits the standard error of this process.
  /// @errors no_such_file_or_directory, permission_denied: of the program; or the kernel's own
  static Result<Child> spawn(Loop& loop, std::vector<std::string> command,
                             ChildOptions options = {});

  /// Starts `command` with the borrowed descriptors `standard` as its standard input, output and
  /// error. Such a child has no connection().
  static Result<Child> spawn_with(Loop& loop, std::vector<std::string> command,
                                  const int (&standard)[3], const ProcessOptions& options = {});

  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;
  ~Child();

  /// Draining does not end its receives: the program decides when the child ends. Precondition:
  /// started by spawn().
  [[nodiscard]] Connection& connection() noexcept;

  [[nodiscard]] int pid() const noexcept;

  /// Completes when the process has ended. Precondition: wait() has not returned a status before.
  /// @errors no_child_process: the process has ended, and its status is lost because the program
  ///         ignored SIGCHLD again after spawn()
  [[nodiscard]] Task<Result<ExitStatus>> wait();

  /// Sends a signal; to the whole process group if the child has its own. A child that has ended
  /// is not an error.
  Result<void> kill(int signal);

 private:
  struct State;
  explicit Child(std::unique_ptr<State> state) noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace hallway
