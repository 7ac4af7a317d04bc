// SPDX-License-Identifier: Apache-2.0
//
// The run of a server, and how whoever started it hears of that: --ready-fd, and a service manager
// behind NOTIFY_SOCKET, who may also ask for a reload (SIGHUP).
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

/// As Loop::on_signal() with SIGHUP, unless it was ignored when this process was started: nohup(1)
/// means that a terminal which goes away changes nothing, and then SIGHUP reloads nothing, either.
Result<void> on_hang_up(Loop& loop, std::move_only_function<void()> action);

class ServerRun {
 public:
  /// Made before the server is opened: the watchdog has to be fed from the beginning.
  ServerRun(Loop& loop, Events& events, std::string address);
  ServerRun(const ServerRun&) = delete;
  ServerRun& operator=(const ServerRun&) = delete;
  ~ServerRun();

  /// What SIGHUP does: `prepare` in a thread, then what it returns on the loop. A SIGHUP that
  /// arrives meanwhile reloads once more afterwards. To be set before claim_signals().
  void on_reload(ReloadThread::Prepare prepare) { prepare_ = std::move(prepare); }

  /// What the manager is told about how it goes, whenever that has changed().
  void on_status(std::function<std::string()> status) { status_ = std::move(status); }
  void changed();

  /// When the server is open, before anybody is told. Not earlier: opening may wait for a running
  /// server to hand over, and a signal ends that.
  Result<void> claim_signals();

  /// Tells that the server listens, runs the loop to its end, and tells that it has stopped.
  /// @param descriptor  gets a newline, and is closed unless it is a standard one
  /// @param successor   the manager may take another process for the service's
  /// @return the exit status
  int run(std::optional<int> descriptor, bool successor = false);

  /// Another process is the service now. The manager believes that of who was it so far; nothing
  /// more is said in its name.
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
  std::optional<Notifier> notifier_;  // none: handed over
  ReloadThread::Prepare prepare_;
  ReloadThread reload_thread_;
  bool reload_again_ = false;
  std::function<std::string()> status_;
  std::optional<ScopedTask> telling_;
  bool changed_ = false;
  std::array<bool, 3> terminals_;
};

}  // namespace hallway::tool
