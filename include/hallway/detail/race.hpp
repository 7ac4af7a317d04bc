// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// How when_any() and with_timeout() wait. Internal.
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#include <array>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <expected>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <hallway/detail/task_promise.hpp>
#include <hallway/detail/wait_point.hpp>
#include <hallway/detail/waiter.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/limits.hpp>
#include <hallway/task.hpp>

namespace hallway {

namespace detail {

template <typename A>
concept HasCoAwait = requires(A&& awaitable) { std::forward<A>(awaitable).operator co_await(); };

}  // namespace detail

/// What can be awaited: a task, or what a function of this library returns for it.
template <typename A>
concept Awaitable = detail::HasCoAwait<A> || requires(A&& awaitable) {
  { awaitable.await_ready() } -> std::convertible_to<bool>;
  awaitable.await_resume();
};

namespace detail {

template <Awaitable A>
auto await_result() {
  if constexpr (HasCoAwait<A>) {
    using Awaiter = decltype(std::declval<A>().operator co_await());
    return std::type_identity<decltype(std::declval<Awaiter&>().await_resume())>();
  } else {
    return std::type_identity<
        decltype(std::declval<std::remove_reference_t<A>&>().await_resume())>();
  }
}
/// What co_await of an A gives.
template <Awaitable A>
using AwaitResult = typename decltype(await_result<A>())::type;

template <typename T>
using NonVoid = std::conditional_t<std::is_void_v<T>, std::monostate, std::remove_cvref_t<T>>;

/// What a branch holds: a task itself, so that it ends with the branch, or a reference.
template <typename A>
struct RaceOperand {
  using Type = std::remove_reference_t<A>&;
};
template <typename T>
struct RaceOperand<Task<T>&&> {
  using Type = Task<T>;
};

/// What the branches of a race share.
struct RaceControl {
  std::coroutine_handle<> parent;
  std::exception_ptr exception;
  bool over = false;      // a branch has completed
  bool starting = false;  // the race is still inside await_suspend(): it continues by itself
  std::span<const WaitPoint* const> branches;  // null: not begun
};

/// The coroutine that awaits one of the awaitables of a race.
class RaceBranch {
 public:
  struct promise_type : WaitPoint {
    template <typename... Others>
    explicit promise_type(RaceControl& its_control, const Others&... /*others*/) noexcept
        : shared(its_control) {}

    RaceBranch get_return_object() noexcept {
      return RaceBranch(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    struct Finished {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) noexcept {
        RaceControl& race = self.promise().shared;
        race.over = true;
        if (race.starting) return std::noop_coroutine();
        note_continued(race.parent);
        return race.parent;
      }
      void await_resume() noexcept {}
    };
    Finished final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { shared.exception = std::current_exception(); }

    RaceControl& shared;
  };

  RaceBranch() noexcept = default;
  RaceBranch(RaceBranch&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  RaceBranch& operator=(RaceBranch&& other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  RaceBranch(const RaceBranch&) = delete;
  RaceBranch& operator=(const RaceBranch&) = delete;
  ~RaceBranch() {
    if (coroutine_) coroutine_.destroy();
  }

  void start() const { coroutine_.resume(); }
  [[nodiscard]] const WaitPoint& point() const noexcept { return coroutine_.promise(); }

 private:
  explicit RaceBranch(std::coroutine_handle<promise_type> coroutine) noexcept
      : coroutine_(coroutine) {}

  std::coroutine_handle<promise_type> coroutine_;
};

/// The awaitable that when_any() returns.
template <typename... Awaitables>
class [[nodiscard]] Race {
 public:
  using Value = std::variant<NonVoid<AwaitResult<Awaitables>>...>;

  explicit Race(Awaitables&&... awaitables) noexcept
      : awaitables_(std::forward<Awaitables>(awaitables)...) {}
  Race(const Race&) = delete;
  Race& operator=(const Race&) = delete;
  ~Race() = default;

  [[nodiscard]] bool await_ready() const noexcept { return false; }

  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> awaiting,
                     std::source_location where = std::source_location::current()) {
    control_.parent = awaiting;
    control_.branches = points_;
    control_.starting = true;
    start(std::index_sequence_for<Awaitables...>());
    control_.starting = false;
    if (control_.over) return false;
    if constexpr (std::derived_from<Promise, WaitPoint>) {
      point_ = &awaiting.promise();
      point_->at(where, control_);
    }
    return true;
  }

  Value await_resume() {
    if (point_ != nullptr) point_->clear();
    branches_ = {};  // cancels those that still wait
    if (control_.exception) std::rethrow_exception(control_.exception);
    return std::move(*value_);
  }

 private:
  template <std::size_t... index>
  void start(std::index_sequence<index...>) {
    (start_one<index>() && ...);
  }

  /// @return whether the race is still open
  template <std::size_t index>
  bool start_one() {
    using A = std::tuple_element_t<index, std::tuple<Awaitables&&...>>;
    using Operand = typename RaceOperand<A>::Type;
    using Passed = std::conditional_t<std::is_reference_v<Operand>, Operand, A>;
    branches_[index] =
        branch<index, A>(control_, value_, static_cast<Passed>(std::get<index>(awaitables_)));
    points_[index] = &branches_[index].point();
    branches_[index].start();
    return !control_.over;
  }

  template <std::size_t index, typename A>
  static RaceBranch branch(RaceControl& /*control*/, std::optional<Value>& value,
                           typename RaceOperand<A>::Type awaitable) {
    if constexpr (std::is_void_v<AwaitResult<A>>) {
      co_await static_cast<A>(awaitable);
      value.emplace(std::in_place_index<index>);
    } else {
      value.emplace(std::in_place_index<index>, co_await static_cast<A>(awaitable));
    }
  }

  std::tuple<Awaitables&&...> awaitables_;
  RaceControl control_;
  WaitPoint* point_ = nullptr;  // once it waits
  std::array<const WaitPoint*, sizeof...(Awaitables)> points_ = {};
  std::optional<Value> value_;
  std::array<RaceBranch, sizeof...(Awaitables)> branches_;
};

// A time that ends a wait ------------------------------------------------------------------------

class Timer;

/// Completes after a time, also while the loop drains. For a task of the loop of this thread.
class [[nodiscard]] HALLWAY_EXPORT Pause {
 public:
  explicit Pause(Duration time) noexcept;
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;
  ~Pause();

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> awaiting,
                     std::source_location where = std::source_location::current()) {
    note_wait(awaiting, where);
    waiter_.coroutine = awaiting;
    begin();
  }
  void await_resume() const noexcept {}

 private:
  void begin();

  Duration time_;
  Waiter waiter_;
  std::unique_ptr<Timer> timer_;
};

HALLWAY_EXPORT Error timed_out_error();

/// What a T becomes if a timeout may take its place.
template <typename T>
struct Timed {
  using Value = std::expected<T, Error>;
  static Value over() { return std::unexpected(timed_out_error()); }
};
template <>
struct Timed<Outcome> {
  using Value = Outcome;
  static Value over() { return Outcome::timed_out; }
};
template <typename T>
struct Timed<std::expected<T, Error>> {
  using Value = std::expected<T, Error>;
  static Value over() { return std::unexpected(timed_out_error()); }
};
template <typename T>
struct Timed<std::expected<T, Outcome>> {
  using Value = std::expected<T, Outcome>;
  static Value over() { return std::unexpected(Outcome::timed_out); }
};
template <typename T>
  requires std::constructible_from<T, Outcome> && requires(const T& result) {
    { result.outcome() } -> std::same_as<Outcome>;
  }
struct Timed<T> {
  using Value = T;
  static Value over() { return Value(Outcome::timed_out); }
};

template <typename A>
using TimedValue = Timed<std::remove_cvref_t<AwaitResult<A>>>;
template <typename A>
using TimedResult = Task<typename TimedValue<A>::Value>;

// The parameter is a reference: the awaitable lives until the awaited call ends.
template <typename A>
TimedResult<A> with_timeout(A&& awaitable, Duration within) {
  Pause pause(within);
  auto first = co_await Race<A, Pause&>(std::forward<A>(awaitable), pause);
  if (first.index() == 1) co_return TimedValue<A>::over();
  if constexpr (std::is_void_v<AwaitResult<A>>) {
    co_return typename TimedValue<A>::Value();
  } else {
    co_return std::get<0>(std::move(first));
  }
}

}  // namespace detail

}  // namespace hallway
