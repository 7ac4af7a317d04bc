// SPDX-License-Identifier: Apache-2.0
//
// Runs a server, and notifies the process that started it: by --ready-fd, and by NOTIFY_SOCKET for
// a service manager, which may also request a reload (SIGHUP).
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>

#include <hallway/error.hpp>
#include <hallway/loop.hpp>
#include <hallway/notify.hpp>
#include <hallway/task.hpp>
#include <hallway/task_scope.hpp>

#include "io/events.hpp"

namespace hallway::tool {

/// Runs `body` with a loop on which SIGHUP has no effect until ServerRun::claim_signals().
/// @return the exit status: that of `body`, unless the loop failed
int run_on_loop(const LoopOptions& options, Events& events, const std::function<int(Loop&)>& body);

class ServerRun {
 public:
  /// Makes the server use what was prepared. It runs on the loop and does not block. It returns a
  /// description of what was reloaded.
  using Apply = std::move_only_function<Result<std::string>()>;
  /// The part of a reload that may block: it reads a file and the user database, which may query a
  /// server on the network and wait for minutes. It runs in a thread, which may outlive everything
  /// but the function's captures, and clients are served meanwhile.
  using Prepare = std::function<Apply()>;

  /// To be constructed before the server is opened: the watchdog must be notified from the start.
  ServerRun(Loop& loop, Events& events, std::string address);
  ServerRun(const ServerRun&) = delete;
  ServerRun& operator=(const ServerRun&) = delete;
  ~ServerRun();

  /// Sets what SIGHUP does: `prepare` runs in a thread, then its result runs on the loop. A SIGHUP
  /// that arrives meanwhile causes one more reload afterwards. If the server ends before, the
  /// thread is left running (threads_left.hpp), and what it prepares is discarded. To be set before
  /// claim_signals().
  void on_reload(Prepare prepare) { prepare_ = std::move(prepare); }

  /// Sets the status text sent to the manager after each changed().
  void on_status(std::function<std::string()> status) { status_ = std::move(status); }
  void changed();

  /// To be called when the server is open, before its readiness is announced. Not earlier: opening
  /// may wait for a running server to hand over, and the default action of a signal ends that wait.
  Result<void> claim_signals();

  /// Announces that the server is ready, runs the loop to its end, and announces that it has
  /// stopped.
  /// @param descriptor  gets a newline, and is closed unless it is a standard descriptor
  /// @param successor   whether to notify the manager that this is the service's main process
  /// @return the exit status
  int run(std::optional<int> descriptor, bool successor = false);

  /// Notifies the manager that another process is the service's main process now. The manager
  /// accepts this only from the previous main process. Afterwards nothing more is sent in its name.
  void handed_over(std::int32_t successor);

 private:
  void hang_up();
  void reload();
  Task<> reload_until_current();
  Task<Result<std::string>> prepare_and_apply();
  [[nodiscard]] bool terminal_is_gone() const;
  Task<> report_status();
  void notify(Result<void> (Notifier::*state)());
  void log_failure(const Result<void>& notified);

  Loop* loop_;
  Events* events_;
  std::string address_;
  std::optional<Notifier> notifier_;  // nullopt once handed over
  Prepare prepare_;
  bool reload_again_ = false;
  std::function<std::string()> status_;
  bool changed_ = false;
  std::array<bool, 3> terminals_;
  // SIGHUP stays caught afterwards, because the loop may run again to finish the output.
  Loop::SignalCallback hang_ups_;
  TaskScope reloading_;
  TaskScope reporting_;
};

}  // namespace hallway::tool
