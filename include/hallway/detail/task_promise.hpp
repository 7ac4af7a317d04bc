// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// The promise of a Task, and what awaits one. Internal.
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#include <array>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include <hallway/detail/gcc12.hpp>
#include <hallway/detail/wait_point.hpp>
#include <hallway/export.hpp>

namespace hallway {

template <typename T>
class Task;

namespace detail {

/// Prints which coroutine GCC 12 has miscompiled, and ends the process.
[[noreturn]] HALLWAY_EXPORT void refuse_miscompiled(std::source_location awaited_at) noexcept;

/// Reports to the loop that a coroutine it has resumed is complete, and that `awaiting` continues.
HALLWAY_EXPORT void note_continued(std::coroutine_handle<> awaiting) noexcept;

// Where GCC 12 miscompiles a condition, it puts a variable of its own before everything else in the
// frame. Then a handle that is made from the promise is not the address of the frame, and the
// coroutine would look for its state in the wrong place. So a promise compares the two when its
// task is made, and the task is refused when it is started. Other compilers note no frame, but
// compile the rest, because a program may have objects of several compilers.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): of the thread, not global
inline constinit thread_local void* newest_frame = nullptr;

/// Whether the coroutine of the promise that is being constructed is miscompiled.
/// @param handle  the address of a handle made from that promise
inline bool is_misplaced(void* handle) noexcept {
  // What lies further away is another frame: the copy of a parameter may have made a task.
  constexpr std::uintptr_t near = 256;
  void* frame = std::exchange(newest_frame, nullptr);
  const auto shift =
      reinterpret_cast<std::uintptr_t>(handle) - reinterpret_cast<std::uintptr_t>(frame);
  return frame != nullptr && shift != 0 && shift < near;
}

/// What the promises of Task<T> and Task<void> share: the coroutine to continue, and the exception.
struct TaskPromiseBase : WaitPoint {
  bool starting = false;      // the awaiter is still inside resume(): it continues by itself
  bool of_a_closure = false;  // the coroutine uses the captures of a lambda
  bool misplaced = false;     // GCC 12 has shifted the parts of its frame
  bool spawned = false;       // what awaits it is the coroutine that spawn() made
  std::coroutine_handle<> continuation;
  std::exception_ptr exception;

#if HALLWAY_GCC12_COROUTINES
  // Always inline: a call of one and the body of the other look to GCC like a mismatch.
  [[gnu::always_inline]] static void* operator new(std::size_t size) {
    return newest_frame = ::operator new(size);
  }
  [[gnu::always_inline]] static void operator delete(void* frame) noexcept {
    ::operator delete(frame);
  }
#endif

  std::suspend_always initial_suspend() noexcept { return {}; }

  struct Finished {
    bool await_ready() noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
      const TaskPromiseBase& promise = self.promise();
      if (promise.starting || !promise.continuation) return std::noop_coroutine();
      note_continued(promise.continuation);
      return promise.continuation;
    }
    void await_resume() noexcept {}
  };
  Finished final_suspend() noexcept { return {}; }

  void unhandled_exception() noexcept { exception = std::current_exception(); }
};

template <typename T>
struct TaskPromise : TaskPromiseBase {
  static_assert(
      alignof(T) <= 2 * sizeof(void*),
      "the loop finds a promise right behind the head of its frame: return a pointer to a "
      "value of a larger alignment");

  std::optional<T> value;

  Task<T> get_return_object() noexcept;
  template <typename U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T take() {
    if (exception) std::rethrow_exception(exception);
    return std::move(*value);
  }
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void take() const {
    if (exception) std::rethrow_exception(exception);
  }
};

/// Starts a task from the coroutine that awaits it, and continues that when the task ends.
template <typename T>
struct TaskAwaiter {
  std::coroutine_handle<TaskPromise<T>> task;
  WaitPoint* awaiting_point = nullptr;

  bool await_ready() const noexcept { return false; }
  // The task is resumed from here and not by symmetric transfer: a loop over tasks that never
  // suspend must not grow the stack, whether or not the optimizer makes tail calls.
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> awaiting,
                     std::source_location where = std::source_location::current()) {
    auto& promise = task.promise();
    if constexpr (std::derived_from<Promise, WaitPoint>) {
      awaiting_point = &awaiting.promise();
      awaiting_point->at(where, promise);
    }
    if (promise.misplaced) refuse_miscompiled(where);
    promise.continuation = awaiting;
    promise.starting = true;
    task.resume();
    promise.starting = false;
    return !task.done();
  }
  T await_resume() {
    if (awaiting_point != nullptr) awaiting_point->clear();
    return task.promise().take();
  }
};

// Which promise a coroutine gets -----------------------------------------------------------------

/// A type that ends the tasks that were given a reference to it and to spawn(), when it ends
/// itself. Specialised for Connection.
template <typename T>
struct EndsItsTasks : std::false_type {};

template <typename T>
inline constexpr bool ends_its_tasks =
    std::is_lvalue_reference_v<T> && EndsItsTasks<std::remove_cvref_t<T>>::value;

template <typename T, typename Class, typename... Parameters>
concept CallsAs = requires(T (Class::*call)(Parameters...) const) { call = &Class::operator(); } ||
                  requires(T (Class::*call)(Parameters...)) { call = &Class::operator(); };

/// Whether a coroutine is the body of a lambda with captures: its first parameter is the lambda.
/// Precondition: the lambda is complete, which it is not yet where its body is compiled.
template <typename T, typename... Parameters>
inline constexpr bool uses_captures = false;
template <typename T, typename First, typename... Others>
inline constexpr bool uses_captures<T, First, Others...> = [] {
  using Class = std::remove_cvref_t<First>;
  // An argument is called the same way, but is not the object that is called: it is passed by
  // value, or is a std::function.
  bool uses = false;
  if constexpr (std::is_lvalue_reference_v<First> && std::is_class_v<Class>) {
    if constexpr (!std::is_empty_v<Class> && !std::is_default_constructible_v<Class>) {
      uses = CallsAs<Task<T>, Class, Others...>;
    }
  }
  return uses;
}();

/// The same, where the lambda may be incomplete: true then.
template <typename T, typename... Parameters>
inline constexpr bool may_use_captures = false;
template <typename T, typename First, typename... Others>
  requires std::is_lvalue_reference_v<First>
inline constexpr bool may_use_captures<T, First, Others...> = [] {
  using Class = std::remove_cvref_t<First>;
  bool may_use = std::is_class_v<Class>;
  if constexpr (std::is_class_v<Class> && requires { sizeof(Class); }) {
    may_use = uses_captures<T, First, Others...>;
  }
  return may_use;
}();

/// The tasks that end with an object they refer to. A list without an owner: each task leaves it.
class BorrowedBy {
 public:
  BorrowedBy() noexcept = default;
  BorrowedBy(const BorrowedBy&) = delete;
  BorrowedBy& operator=(const BorrowedBy&) = delete;
  ~BorrowedBy() { leave(); }

  /// @param first  null: the object is empty, and has no list
  void join(BorrowedBy** first, TaskPromiseBase& promise) noexcept {
    if (first == nullptr) return;
    promise_ = &promise;
    next_ = *first;
    if (next_ != nullptr) next_->link_ = &next_;
    link_ = first;
    *first = this;
  }
  void leave() noexcept {
    if (link_ == nullptr) return;
    *link_ = next_;
    if (next_ != nullptr) next_->link_ = link_;
    link_ = nullptr;
  }
  [[nodiscard]] TaskPromiseBase& promise() const noexcept { return *promise_; }

 private:
  TaskPromiseBase* promise_ = nullptr;
  BorrowedBy* next_ = nullptr;
  BorrowedBy** link_ = nullptr;  // what points to this one
};

/// Ends the tasks in the list that were given to spawn() and are not running; the others leave it.
HALLWAY_EXPORT void end_borrowers(BorrowedBy*& first) noexcept;

/// Joins the list of each parameter that ends its tasks, and notes whether the first parameter is a
/// lambda with captures.
template <typename T, typename First = void, typename... Others>
struct ParameterPromise : TaskPromise<T> {
  explicit ParameterPromise(std::remove_reference_t<First>& first,
                            std::remove_reference_t<Others>&... others) noexcept {
    std::size_t next = 0;
    join<First>(first, next);
    (join<Others>(others, next), ...);
    note_captures();
  }
  /// Clang leaves out the lambda.
  explicit ParameterPromise(std::remove_reference_t<Others>&... others) noexcept
    requires may_use_captures<T, First, Others...>
  {
    std::size_t next = 0;
    (join<Others>(others, next), ...);
    note_captures();
  }

  std::array<BorrowedBy,
             (std::size_t{ends_its_tasks<First>} + ... + std::size_t{ends_its_tasks<Others>})>
      borrowed;

 private:
  template <typename P>
  void join(std::remove_reference_t<P>& parameter, std::size_t& next) noexcept {
    if constexpr (ends_its_tasks<P>) {
      borrowed[next++].join(EndsItsTasks<std::remove_cvref_t<P>>::tasks(parameter), *this);
    }
  }
  // Compiled at the end of the file, where a lambda is complete. A class that is not even complete
  // there is not a lambda.
  void note_captures() noexcept {
    if constexpr (requires { sizeof(std::remove_cvref_t<First>); }) {
      this->of_a_closure = uses_captures<T, First, Others...>;
    }
  }
};
template <typename T>
struct ParameterPromise<T> : TaskPromise<T> {};

template <typename T, typename... Parameters>
using PromiseOf =
    std::conditional_t<(ends_its_tasks<Parameters> || ...) || may_use_captures<T, Parameters...>,
                       ParameterPromise<T, Parameters...>, TaskPromise<T>>;

}  // namespace detail

}  // namespace hallway
