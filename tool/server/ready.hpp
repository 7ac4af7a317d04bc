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

#include "io/events.hpp"
#include "io/scoped_task.hpp"
#include "server/reload_thread.hpp"

namespace hallway::tool {

/// As Loop::on_signal() with SIGHUP, unless SIGHUP was ignored when this process was started.
/// nohup(1) means that a terminal that goes away changes nothing; SIGHUP then does not reload
/// either.
Result<void> on_hang_up(Loop& loop, std::move_only_function<void()> action);

class ServerRun {
 public:
  /// To be constructed before the server is opened: the watchdog must be notified from the start.
  ServerRun(Loop& loop, Events& events, std::string address);
  ServerRun(const ServerRun&) = delete;
  ServerRun& operator=(const ServerRun&) = delete;
  ~ServerRun();

  /// Sets what SIGHUP does: `prepare` runs in a thread, then its result runs on the loop. A SIGHUP
  /// that arrives meanwhile causes one more reload afterwards. To be set before claim_signals().
  void on_reload(ReloadThread::Prepare prepare) { prepare_ = std::move(prepare); }

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
  void start_reload();
  void finish_reload(ReloadThread::Apply apply);
  [[nodiscard]] bool terminal_is_gone() const;
  ScopedTask tell_status();
  void say(Result<void> (Notifier::*state)());
  void unheard(const Result<void>& said);

  Loop* loop_;
  Events* events_;
  std::string address_;
  std::optional<Notifier> notifier_;  // nullopt once handed over
  ReloadThread::Prepare prepare_;
  ReloadThread reload_thread_;
  bool reload_again_ = false;
  std::function<std::string()> status_;
  std::optional<ScopedTask> telling_;
  bool changed_ = false;
  std::array<bool, 3> terminals_;
};

}  // namespace hallway::tool
