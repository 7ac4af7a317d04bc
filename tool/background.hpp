// SPDX-License-Identifier: Apache-2.0
//
// Something that goes on beside a task and must not outlive it: a clock that runs against it, a
// pipe that is fed meanwhile.
#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <utility>

#include <hallway/loop.hpp>

namespace hallway::tool {

/// A coroutine that starts at once and ends, wherever it waits, with this object: a Task is
/// awaited or given away to the loop, this one is kept. Nobody is there to be thrown at: one that
/// gathers what others send catches std::bad_alloc itself.
class [[nodiscard]] Background {
 public:
  struct promise_type {
    Background get_return_object() noexcept {
      return Background(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };

  Background(Background&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Background& operator=(Background&& other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background() {
    if (coroutine_) coroutine_.destroy();
  }

  [[nodiscard]] bool ended() const noexcept { return coroutine_.done(); }

 private:
  explicit Background(std::coroutine_handle<promise_type> coroutine) noexcept
      : coroutine_(coroutine) {}

  std::coroutine_handle<promise_type> coroutine_;
};

/// Something that happens once and that one coroutine awaits. It goes on in the loop's next
/// turn, not inside happen(): whoever reports may be ended by whoever waits.
class Occurrence {
 public:
  explicit Occurrence(Loop& loop) : loop_(&loop), state_(std::make_shared<State>()) {}
  Occurrence(const Occurrence&) = delete;
  Occurrence& operator=(const Occurrence&) = delete;
  ~Occurrence() { state_->waiting = nullptr; }

  void happen() {
    if (std::exchange(state_->happened, true)) return;
    loop_->post([state = state_] {
      if (auto waiting = std::exchange(state->waiting, nullptr)) waiting.resume();
    });
  }
  [[nodiscard]] bool happened() const noexcept { return state_->happened; }

  bool await_ready() const noexcept { return state_->happened; }
  void await_suspend(std::coroutine_handle<> waiting) noexcept { state_->waiting = waiting; }
  void await_resume() const noexcept {}

 private:
  struct State {
    std::coroutine_handle<> waiting;
    bool happened = false;
  };

  Loop* loop_;
  std::shared_ptr<State> state_;
};

}  // namespace hallway::tool
