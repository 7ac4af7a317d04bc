// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// What TaskScope::join() returns. Internal: included by
// task_scope.hpp.
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#include <concepts>
#include <coroutine>
#include <memory>
#include <source_location>
#include <utility>

#include <hallway/detail/forward.hpp>
#include <hallway/detail/wait_point.hpp>
#include <hallway/detail/waiter.hpp>
#include <hallway/export.hpp>
#include <hallway/task_scope.hpp>  // NOLINT(misc-header-include-cycle): to be complete alone

namespace hallway {

/// The awaitable that join() returns; await it at once.
class [[nodiscard]] HALLWAY_EXPORT TaskScope::Join {
 public:
  explicit Join(std::shared_ptr<detail::TaskGroup> tasks) noexcept : tasks_(std::move(tasks)) {}
  ~Join() = default;
  Join(const Join&) = delete;
  Join& operator=(const Join&) = delete;

  [[nodiscard]] bool await_ready() const noexcept;
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> awaiting,
                     std::source_location where = std::source_location::current()) noexcept {
    if constexpr (std::derived_from<Promise, detail::WaitPoint>) {
      point_ = &awaiting.promise();
      point_->at(where, *tasks_);
    }
    waiter_.coroutine = awaiting;
    begin();
  }
  void await_resume() const;

 private:
  void begin() noexcept;

  std::shared_ptr<detail::TaskGroup> tasks_;  // the scope may end before this continues
  detail::WaitPoint* point_ = nullptr;
  detail::Waiter waiter_;
};

}  // namespace hallway
