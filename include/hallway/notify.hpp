// SPDX-License-Identifier: Apache-2.0
// Layer: net
//
// Telling the service manager that started this process how it is doing: sd_notify(3) and
// sd_watchdog_enabled(3), without libsystemd.
//
//     Loop loop;
//     Notifier notifier(loop);
//     auto server = Server::open(loop, "activation", serve);
//     if (!server) return report(server.error());
//     notifier.ready();
//     loop.drain_on({SIGINT, SIGTERM});
//     return loop.run();
//
// Two things it does by itself, from its making to its end: it feeds the watchdog as long as the
// loop turns, and when the loop drains it says so and asks for more time until that is over. Where
// no manager wants to hear (NOTIFY_SOCKET is not set), all of it does nothing and succeeds.
#pragma once

#include <memory>
#include <string_view>

#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/limits.hpp>
#include <hallway/loop.hpp>

namespace hallway {

/// Movable, not copyable. The loop outlives it. Thread: the loop's.
///
/// Blocking: never. A manager that is gone is an error of the call and of nothing else. One whose
/// queue is full hears of ready(), reloading(), stopping() and main_process() as soon as it has
/// room; nobody waits for it.
class HALLWAY_EXPORT Notifier {
 public:
  /// Reads NOTIFY_SOCKET (a path or an abstract name), WATCHDOG_USEC and WATCHDOG_PID; none of
  /// them in a set-user-ID program.
  explicit Notifier(Loop& loop);
  Notifier(Notifier&&) noexcept;
  Notifier& operator=(Notifier&&) noexcept;
  ~Notifier();

  /// Whether a manager wants to hear.
  [[nodiscard]] bool enabled() const noexcept;

  // Each: @errors no_such_file_or_directory, connection_refused: the manager is gone;
  // address_family_not_supported: NOTIFY_SOCKET is neither a path nor an abstract name; or the
  // kernel's own.

  /// Started up, or done with reloading.
  Result<void> ready();

  /// Begins to reload its configuration; ready() says that this is done.
  Result<void> reloading();

  /// Begins to shut down. Said by itself when the loop drains.
  Result<void> stopping();

  /// Free words for `systemctl status`. Line ends become blanks.
  /// @errors resource_unavailable_try_again: the manager's queue is full; the words are dropped
  Result<void> status(std::string_view words);

  /// The service's main process is now `pid`: for a program that replaces itself. systemd listens
  /// to a process that is not the main one yet if the unit says NotifyAccess=all.
  Result<void> main_process(int pid);

  /// Starting, or stopping, takes longer: the manager allows at least `time` from now on.
  Result<void> extend_timeout(Duration time);

 private:
  struct State;

  std::unique_ptr<State> state_;
};

}  // namespace hallway
