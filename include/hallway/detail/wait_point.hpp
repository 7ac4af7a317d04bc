// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// Where a coroutine waits. Internal: the base of every promise of ours, and what an awaitable notes
// in it when it suspends.
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#include <concepts>
#include <coroutine>
#include <cstdint>
#include <source_location>

namespace hallway::detail {

class TaskGroup;
struct RaceControl;

/// Where a coroutine is suspended. With it, the loop names the tasks that a drain could not end,
/// and knows whether a task that is left while it drains only waits for time.
class WaitPoint {
 public:
  enum class Kind : std::uint8_t {
    none,   ///< it has not been suspended, or has been continued; or something foreign suspends it
    place,  ///< in the co_await at where(); this and the next stay after it was resumed
    idle,   ///< the same, and run() does not wait for it while the loop drains
    task,   ///< for another coroutine
    group,  ///< for all coroutines of a group
    race,   ///< for the first of several coroutines
  };

  WaitPoint() noexcept : task_(nullptr) {}

  void at(std::source_location where, Kind kind) noexcept {
    where_ = where;
    kind_ = kind;
  }
  void at(std::source_location where, const WaitPoint& task) noexcept {
    where_ = where;
    task_ = &task;
    kind_ = Kind::task;
  }
  void at(std::source_location where, const TaskGroup& group) noexcept {
    where_ = where;
    group_ = &group;
    kind_ = Kind::group;
  }
  void at(std::source_location where, const RaceControl& race) noexcept {
    where_ = where;
    race_ = &race;
    kind_ = Kind::race;
  }
  void clear() noexcept { kind_ = Kind::none; }

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  /// Precondition: the kind is not none.
  [[nodiscard]] std::source_location where() const noexcept { return where_; }
  /// A TaskPromiseBase. Precondition: the kind is task.
  [[nodiscard]] const WaitPoint& task() const noexcept { return *task_; }
  /// Precondition: the kind is group.
  [[nodiscard]] const TaskGroup& group() const noexcept { return *group_; }
  /// Precondition: the kind is race.
  [[nodiscard]] const RaceControl& race() const noexcept { return *race_; }

 private:
  std::source_location where_;
  // NOLINTBEGIN(readability-identifier-naming): members of this class, and private
  union {
    const WaitPoint* task_;
    const TaskGroup* group_;
    const RaceControl* race_;
  };
  // NOLINTEND(readability-identifier-naming)
  Kind kind_ = Kind::none;
};

/// Notes that `awaiting` is about to be suspended at `where`. Coroutines of other libraries have no
/// place for it.
template <typename Promise>
void note_wait(std::coroutine_handle<Promise> awaiting, std::source_location where,
               WaitPoint::Kind kind = WaitPoint::Kind::place) noexcept {
  if constexpr (std::derived_from<Promise, WaitPoint>) awaiting.promise().at(where, kind);
}

}  // namespace hallway::detail
