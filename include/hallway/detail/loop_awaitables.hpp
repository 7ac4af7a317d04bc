// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// What a loop's functions return to be awaited, and its templates. Internal: included by
// loop.hpp.
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#include <coroutine>
#include <exception>
#include <memory>
#include <source_location>
#include <system_error>
#include <type_traits>
#include <utility>

#include <hallway/detail/forward.hpp>
#include <hallway/detail/spawnable.hpp>
#include <hallway/detail/wait_point.hpp>
#include <hallway/detail/waiter.hpp>
#include <hallway/export.hpp>
#include <hallway/loop.hpp>  // NOLINT(misc-header-include-cycle): to be complete alone

namespace hallway {

class [[nodiscard]] HALLWAY_EXPORT Loop::Sleep {
 public:
  Sleep(detail::LoopCore& core, Duration duration) noexcept;
  ~Sleep();
  Sleep(const Sleep&) = delete;
  Sleep& operator=(const Sleep&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> awaiting,
                     std::source_location where = std::source_location::current()) {
    waiter_.coroutine = awaiting;
    detail::note_wait(awaiting, where, begin());
  }
  // NOLINTNEXTLINE(modernize-use-nodiscard): a task may sleep and go on in any case
  Outcome await_resume() const noexcept;

 private:
  detail::WaitPoint::Kind begin();

  detail::LoopCore* core_;
  Duration duration_;
  detail::Waiter waiter_;
  std::unique_ptr<detail::SleepTimer> timer_;
};

class [[nodiscard]] HALLWAY_EXPORT Loop::Ready {
 public:
  Ready(detail::LoopCore& core, int descriptor, unsigned events) noexcept;
  ~Ready();
  Ready(const Ready&) = delete;
  Ready& operator=(const Ready&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> awaiting,
                     std::source_location where = std::source_location::current()) {
    waiter_.coroutine = awaiting;
    detail::note_wait(awaiting, where, detail::WaitPoint::Kind::idle);
    return begin();
  }
  void await_resume() const noexcept {}

 private:
  bool begin();

  detail::LoopCore* core_;
  int descriptor_;
  unsigned events_;
  detail::Waiter waiter_;
  std::unique_ptr<detail::OneShotWatch> watch_;
};

template <typename T>
T Loop::run(Task<T> task) {
  const auto result = std::make_shared<detail::RunResult<T>>();
  spawn(detail::run_into(std::move(task), result));
  while (!result->done) {
    turn(forever);
    if (!result->done) check_running();
  }
  if (result->exception) std::rethrow_exception(result->exception);
  if constexpr (!std::is_void_v<T>) return std::move(*result->value);
}

}  // namespace hallway
