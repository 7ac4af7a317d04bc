// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// Tasks that belong together and end together.
//
//     Task<> client(Connection peer) {
//       TaskScope scope(peer.loop());
//       scope.spawn([&]() -> Task<> {
//         while (co_await peer.loop().sleep(5s) == Outcome::ok) peer.try_send("still here");
//       });
//       while (auto message = co_await peer.receive()) co_await peer.send(*message);
//     }  // the scope ends the task
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <source_location>
#include <utility>

#include <hallway/detail/spawnable.hpp>
#include <hallway/detail/wait_point.hpp>
#include <hallway/detail/waiter.hpp>
#include <hallway/export.hpp>
#include <hallway/loop.hpp>
#include <hallway/task.hpp>
#include <hallway/task_handle.hpp>

namespace hallway {

/// Tasks that end before this object does: its destructor cancels those that are left, where they
/// wait. So they may use whatever was declared before the scope. Declare it last.
///
/// Its tasks do not keep Loop::run() going; the task in which the scope is does. The loop outlives
/// it. Thread: the loop's.
class HALLWAY_EXPORT TaskScope {
 public:
  explicit TaskScope(Loop& loop);
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;
  /// As cancel(). An exception that no join() has rethrown counts as one of the task that ends with
  /// the scope: a server reports it for the handler, and otherwise it leaves Loop::run().
  ~TaskScope();

  /// Starts a task now, as Loop::spawn() does. An exception that ends it is kept for join(); the
  /// other tasks go on.
  TaskHandle spawn(Task<> task, std::source_location where = std::source_location::current());
  template <MakesTask F>
  TaskHandle spawn(F make, std::source_location where = std::source_location::current()) {
    return spawn(detail::keep_and_run(std::move(make)), where);
  }

  class Join;  ///< await it at once: gives nothing
  /// Completes when no task is left, and rethrows the first exception that ended one.
  [[nodiscard]] Join join() noexcept;

  /// Ends all tasks where they wait, and destroys what they hold. A task of the scope cannot call
  /// this: that ends the process with a message.
  void cancel() noexcept;

  [[nodiscard]] std::size_t size() const noexcept;  ///< tasks that have not ended

 private:
  Loop* loop_;
  std::shared_ptr<detail::TaskGroup> tasks_;
};

}  // namespace hallway

#include <hallway/detail/task_scope_join.hpp>
