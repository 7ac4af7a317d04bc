// SPDX-License-Identifier: Apache-2.0
// Layer: net
//
// Reports the state of this process to the service manager that started it, as sd_notify(3) and
// sd_watchdog_enabled(3) do, without libsystemd.
//
//     Loop loop;
//     Notifier notifier(loop);
//     auto server = Server::open(loop, "activation", serve);
//     if (!server) return report(server.error());
//     notifier.ready();
//     loop.drain_on({SIGINT, SIGTERM});
//     return loop.run();
//
// As long as it exists, a Notifier does two things by itself: it feeds the watchdog while the loop
// turns, and when the loop drains, it reports that and asks for more time until the drain ends. If
// there is no manager to notify (NOTIFY_SOCKET is not set), every call does nothing and succeeds.
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
/// Blocking: never. If the manager is gone, only the call fails. While the manager's queue is full,
/// up to 16 messages of ready(), reloading(), stopping(), main_process() and extend_timeout() are
/// retained; the loop sends them when there is room.
class HALLWAY_EXPORT Notifier {
 public:
  /// Reads NOTIFY_SOCKET (a path or an abstract name), WATCHDOG_USEC and WATCHDOG_PID; none of
  /// them in a set-user-ID program.
  explicit Notifier(Loop& loop);
  Notifier(Notifier&&) noexcept;
  Notifier& operator=(Notifier&&) noexcept;
  ~Notifier();

  /// Whether there is a manager to notify.
  [[nodiscard]] bool enabled() const noexcept;

  // Each call: @errors no_such_file_or_directory, connection_refused: the manager is gone;
  // address_family_not_supported: NOTIFY_SOCKET is neither a path nor an abstract name; or the
  // kernel's own.

  /// Reports that startup, or a reload, is complete.
  Result<void> ready();

  /// Reports that a reload of the configuration begins; ready() reports its end.
  Result<void> reloading();

  /// Reports that shutdown begins. Sent automatically when the loop drains.
  Result<void> stopping();

  /// Free text for `systemctl status`. C0 control characters become blanks.
  /// @errors resource_unavailable_try_again: the manager's queue is full; the text is dropped
  Result<void> status(std::string_view words);

  /// Reports that `pid` is now the service's main process, for a program that replaces itself.
  /// systemd accepts this from a process that is not the main one yet if the unit has
  /// NotifyAccess=all.
  Result<void> main_process(int pid);

  /// Reports that startup or shutdown takes longer: the manager allows at least `time` from now on.
  Result<void> extend_timeout(Duration time);

 private:
  struct State;

  std::unique_ptr<State> state_;
};

}  // namespace hallway
