// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// Ending a call that blocks, from another thread or because of a signal. Client and
// hub::BlockingClient take an Interrupt when they connect, and all their calls then wait with it.
// Programs with a loop use Loop::on_signal() and Loop::post() instead.
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#include <atomic>
#include <functional>

#include <hallway/descriptor.hpp>
#include <hallway/detail/forward.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>

namespace hallway {

/// A switch that ends the blocking calls of the clients it was given to. It outlives them, and is
/// neither copied nor moved, because they refer to it. A process that was forked shares it.
///
///     auto interrupt = Interrupt::create();
///     if (!interrupt) return report(interrupt.error());
///     auto client = Client::connect("/run/app.sock", {}, &*interrupt);
///     ...
///     auto message = client->receive();  // until another thread calls interrupt->trigger()
///
/// An interrupted call ends with Outcome::failed, and its error has the code
/// std::errc::interrupted. The client is then in the state that a timeout leaves: what has arrived
/// of a message stays buffered, what was not written of one stays queued, and the next call
/// continues. A call that does not have to wait is never interrupted.
class HALLWAY_EXPORT Interrupt {
 public:
  /// Opens an Interrupt that is not triggered.
  /// @param on_signal  called on the thread that waits, before each sleep and after each signal
  ///        handler that ran during one; false ends the call, as trigger() does, and true lets it
  ///        wait for the rest of its time. The signals of the thread are blocked meanwhile, except
  ///        for those that report its own faults, so that a signal that arrives after on_signal has
  ///        looked ends the sleep. It must not throw, nor use the client. Unset: signals do not end
  ///        a call
  /// @errors too_many_files_open and similar: the kernel refuses the descriptor (an eventfd)
  static Result<Interrupt> create(std::function<bool()> on_signal = {});

  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt() = default;

  /// Ends the calls that wait with this object. Until clear(), those that begin to wait end at
  /// once. Thread: any; also safe in a signal handler.
  void trigger() noexcept;

  /// Undoes trigger(). Precondition: no call waits with this object. Thread: any.
  void clear() noexcept;

  /// Whether trigger() was called since the last clear(). Thread: any.
  [[nodiscard]] bool triggered() const noexcept;

  /// For create().
  Interrupt(Descriptor eventfd, std::function<bool()> on_signal) noexcept;

 private:
  friend class detail::InterruptibleWait;

  Descriptor eventfd_;  // readable while triggered
  std::function<bool()> on_signal_;
  std::atomic<bool> triggered_ = false;
};

}  // namespace hallway
