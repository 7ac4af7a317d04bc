// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// Waiting for something that another task does.
#pragma once

#include <memory>

#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/loop.hpp>
#include <hallway/task.hpp>

namespace hallway {

/// An event that any number of tasks may wait for. They continue after the call of set(), not in
/// it. The loop outlives it; it may be destroyed while tasks wait, which get Outcome::closed. It is
/// not destroyed or moved between a call of wait() and the co_await of its result.
/// Thread: the loop's.
class HALLWAY_EXPORT Event {
 public:
  explicit Event(Loop& loop);
  Event(Event&&) noexcept;
  Event& operator=(Event&&) noexcept;
  ~Event();

  /// Ends all waits, those of tasks that continue after a reset() also.
  void set();
  void reset() noexcept;  ///< the next wait() waits for the next set()
  [[nodiscard]] bool is_set() const noexcept;

  /// Outcomes: ok: the event is set, or was meanwhile; timed_out; closed: the loop drains, or the
  /// event is gone.
  [[nodiscard]] Task<Outcome> wait(Duration within = forever);

 private:
  struct State;
  void close() noexcept;

  std::shared_ptr<State> state_;
};

}  // namespace hallway
