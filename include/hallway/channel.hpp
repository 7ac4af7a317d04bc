// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// A queue between tasks.
#pragma once

#include <cstddef>
#include <deque>
#include <expected>
#include <memory>
#include <utility>

#include <hallway/detail/channel_state.hpp>
#include <hallway/error.hpp>
#include <hallway/limits.hpp>
#include <hallway/loop.hpp>
#include <hallway/task.hpp>

namespace hallway {

/// A bounded queue of values. Any number of tasks send and receive; they are served in the order in
/// which they wait. A task that is destroyed while it waits loses no value: a value leaves the
/// queue when its receiver continues.
///
///     Channel<Job> jobs(loop, 100);
///     while (auto job = co_await jobs.receive()) work(*job);
///
/// The loop outlives it; it may be destroyed while tasks wait, which is as close(). Thread: the
/// loop's; from another thread, loop.post() a try_send().
template <typename T>
class Channel {
 public:
  /// @param capacity  how many values may wait, at least 1
  Channel(Loop& loop, std::size_t capacity) : state_(std::make_shared<State>(loop, capacity)) {}
  Channel(Channel&&) noexcept = default;
  Channel& operator=(Channel&& other) noexcept {
    if (this != &other) close();
    state_ = std::move(other.state_);
    return *this;
  }
  ~Channel() { close(); }

  /// Waits while the queue is full.
  /// Outcomes: ok; timed_out; closed: close() was called, or the loop drains and the queue is full.
  [[nodiscard]] Task<Outcome> send(T value, Duration within = forever) {
    return send_to(state_, std::move(value), within);
  }

  /// As send(), but gives would_block instead of waiting. `value` is moved from only if it is sent.
  [[nodiscard]] Outcome try_send(T&& value) { return state_->put(value); }  // NOLINT(*-not-moved)
  [[nodiscard]] Outcome try_send(const T& value) {
    T copy(value);
    return state_->put(copy);
  }

  /// The next value, or the reason why there is none: timed_out; end_of_stream: close() was called
  /// and the queue is empty; closed: the loop drains and the queue is empty.
  [[nodiscard]] Task<std::expected<T, Outcome>> receive(Duration within = forever) {
    return receive_from(state_, within);
  }

  /// As receive(), but gives would_block instead of waiting.
  [[nodiscard]] std::expected<T, Outcome> try_receive() { return state_->take(); }

  /// Ends sending. Values that wait can still be received.
  void close() noexcept {
    if (state_) state_->close();
  }

  [[nodiscard]] std::size_t size() const noexcept { return state_->values.size(); }

 private:
  struct State : detail::ChannelState {
    using ChannelState::ChannelState;

    Outcome put(T& value) {
      const Outcome outcome = may_put(values.size());
      if (outcome != Outcome::ok) return outcome;
      values.push_back(std::move(value));
      wake_receiver();
      return Outcome::ok;
    }
    std::expected<T, Outcome> take() {
      const Outcome outcome = may_take(values.size());
      if (outcome != Outcome::ok) return std::unexpected(outcome);
      std::expected<T, Outcome> value(std::move(values.front()));
      values.pop_front();
      wake_sender();
      return value;
    }

    std::deque<T> values;
  };

  static Task<Outcome> send_to(std::shared_ptr<State> state, T value, Duration within) {
    detail::ChannelWait wait(*state, detail::ChannelWait::For::room, within);
    for (;;) {
      const Outcome outcome = state->put(value);
      if (outcome != Outcome::would_block) co_return outcome;
      if (const Outcome over = wait.over(); over != Outcome::ok) co_return over;
      co_await wait.again();
    }
  }

  static Task<std::expected<T, Outcome>> receive_from(std::shared_ptr<State> state,
                                                      Duration within) {
    detail::ChannelWait wait(*state, detail::ChannelWait::For::value, within);
    for (;;) {
      auto value = state->take();
      if (value || value.error() != Outcome::would_block) co_return value;
      if (const Outcome over = wait.over(); over != Outcome::ok) co_return std::unexpected(over);
      co_await wait.again();
    }
  }

  std::shared_ptr<State> state_;
};

}  // namespace hallway
