// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// What a connection's functions return to be awaited, and its inline functions. Internal: included
// by connection.hpp.
#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>
#include <vector>

#include <hallway/connection.hpp>  // NOLINT(misc-header-include-cycle): to be complete alone
#include <hallway/detail/connection_halves.hpp>
#include <hallway/detail/inner_wait.hpp>
#include <hallway/detail/task_promise.hpp>
#include <hallway/detail/wait_point.hpp>
#include <hallway/detail/waiter.hpp>

namespace hallway {

namespace detail {

/// A receive that found no message on the fast path.
struct Wait {
  Waiter waiter;
  std::optional<Received> received;
  bool waiting = false;     // the connection knows it; otherwise the connection may be gone
  bool for_answer = false;  // to a request, which a drain lets finish
};

/// A send that was not queued on the fast path.
struct Unsent {
  enum class Kind : std::uint8_t { plain, with_descriptors, flush };

  Waiter waiter;
  ByteView message = {};
  std::unique_ptr<std::vector<Descriptor>> descriptors = {};
  Kind kind = Kind::plain;
  bool waiting = false;  // the connection has it in a list
  bool over = false;     // `sent` is the result
  Sent sent = {};
};

}  // namespace detail

// The awaitables live in coroutine frames, where initializing a member, and mostly copying
// one, writes to memory. If the message is buffered, or fits the queue, these writes are most of
// the cost. So the state that only a waiting task needs is created when the task waits.

/// The awaitable that receive() returns; await it at once.
class [[nodiscard]] HALLWAY_EXPORT Connection::Receive {
 public:
  Receive(detail::ConnectionHalves& halves, Duration within) noexcept
      : halves_(&halves), within_(within) {}
  ~Receive() {
    if (wait_ && wait_->waiting) [[unlikely]]
      forget();
  }
  Receive(const Receive&) = delete;
  Receive& operator=(const Receive&) = delete;

  bool await_ready() { return halves_->receive.find(front_) || take_next(); }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> awaiting,
                     std::source_location where = std::source_location::current()) {
    detail::note_wait(awaiting, where);
    return begin(awaiting);
  }
  Received await_resume() {
    if (wait_) [[unlikely]] {
      if (std::exchange(wait_->waiting, false)) halves_->completed = nullptr;
      return std::move(*wait_->received);
    }
    return halves_->take_front(front_);
  }

 protected:
  bool begin(std::coroutine_handle<> awaiting, bool for_answer = false);

 private:
  friend class detail::ConnectionState;
  bool take_next();
  void forget() noexcept;

  detail::ConnectionHalves* halves_;
  detail::ReceiveHalf::Front front_;  // the message, if find() found it
  Duration within_;
  std::optional<detail::Wait> wait_;  // otherwise
};

/// The awaitable that send() and flush() return; await it at once. A message that fits the queue is
/// already in it.
class [[nodiscard]] HALLWAY_EXPORT Connection::Send {
 public:
  Send(detail::ConnectionHalves& halves, const ByteView& message) : halves_(&halves) {
    if (!halves.send.try_enqueue(message)) [[unlikely]]
      enqueue_slowly(message);
  }
  Send(detail::ConnectionHalves& halves, ByteView message, std::vector<Descriptor> descriptors);
  struct FlushOnly {};
  Send(detail::ConnectionHalves& halves, FlushOnly only);
  ~Send() {
    if (rest_) [[unlikely]]
      forget();
  }
  Send(const Send&) = delete;
  Send& operator=(const Send&) = delete;

  bool await_ready() const noexcept { return !rest_ || rest_->over; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> awaiting,
                     std::source_location where = std::source_location::current()) {
    detail::note_wait(awaiting, where);
    return begin(awaiting);
  }
  Sent await_resume() noexcept {
    if (rest_) [[unlikely]]
      return std::move(rest_->sent);
    return {};
  }

 private:
  friend class detail::ConnectionState;
  bool begin(std::coroutine_handle<> awaiting);
  void enqueue_slowly(const ByteView& message);
  void forget() const noexcept;

  detail::ConnectionHalves* halves_;
  std::optional<detail::Unsent> rest_;  // unless the message is queued
};

/// The awaitable that broadcast() returns; await it at once.
class [[nodiscard]] HALLWAY_EXPORT Connection::Broadcast {
 public:
  Broadcast(const Connection& from, ByteView message) noexcept : from_(&from), message_(message) {}

  ~Broadcast() = default;
  Broadcast(const Broadcast&) = delete;
  Broadcast& operator=(const Broadcast&) = delete;

  bool await_ready();
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> awaiting,
                     std::source_location where = std::source_location::current()) {
    return walk_.begin(awaiting, where, begin());
  }
  void await_resume() { walk_.finish(); }

 private:
  Task<> begin();

  const Connection* from_;
  ByteView message_;
  detail::InnerWait walk_;  // unless it was added to the current batch
};

/// A task that was given to spawn() ends, where it waits, with each connection that its coroutine
/// takes by reference.
template <>
struct detail::EndsItsTasks<Connection> : std::true_type {
  static BorrowedBy** tasks(const Connection& connection) noexcept {
    return connection.halves_ == nullptr ? nullptr : &connection.halves_->borrowed_by;
  }
};

inline Connection::Receive Connection::receive(Duration within) { return {*halves_, within}; }
inline Connection::Send Connection::send(const ByteView& message) { return {*halves_, message}; }
inline Connection::Broadcast Connection::broadcast(ByteView message) { return {*this, message}; }

}  // namespace hallway
