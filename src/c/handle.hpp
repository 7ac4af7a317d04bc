// SPDX-License-Identifier: Apache-2.0
//
// What all handles of the C interface share: the check that a handle is alive, the guard that lets
// no exception out, and the way to an outcome and its error.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <hallway.h>
#include <hallway/bytes.hpp>
#include <hallway/connection.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>
#include <hallway/limits.hpp>
#include <hallway/peer.hpp>

namespace hallway::c {

/// The base of what a handle points to. In builds with assertions all live handles are known, so
/// that a freed one is recognized without reading its memory.
class Handle {
 public:
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

 protected:
#ifdef NDEBUG
  Handle() noexcept = default;
  ~Handle() = default;
#else
  Handle();
  ~Handle();
#endif
};

#ifndef NDEBUG
/// For assertions at the beginning of each function: these print the function's name.
bool alive(const Handle* handle) noexcept;
#endif

// Errors -----------------------------------------------------------------------------------------

/// Sets `*error`, if the program wants it, to a new error. Returns HALLWAY_FAILED, or, if memory
/// has run out, HALLWAY_OUT_OF_MEMORY.
hallway_outcome fail(hallway_error** error, const Error& reason) noexcept;
/// The same with the code invalid_argument.
hallway_outcome refuse(hallway_error** error, const char* operation, const std::string& subject,
                       const char* reason);
/// Sets `*error` to the constant of an outcome other than HALLWAY_OK and HALLWAY_FAILED.
hallway_outcome end(hallway_error** error, hallway_outcome outcome) noexcept;

/// So that a lambda that returns it, or what fail() returns, has one type.
inline constexpr hallway_outcome ok = HALLWAY_OK;

constexpr hallway_outcome to_c(Outcome outcome) noexcept {
  return static_cast<hallway_outcome>(outcome);
}

/// The outcome of a Received, a Sent, or those of a hub.
template <typename R>
hallway_outcome finish(hallway_error** error, const R& result) {
  const Outcome outcome = result.outcome();
  if (outcome == Outcome::ok) [[likely]]
    return ok;
  if (outcome != Outcome::failed) return end(error, to_c(outcome));
  return error == nullptr ? HALLWAY_FAILED : fail(error, result.error());
}

/// The outcome for the exception that is handled now: of one that says that memory has run out, or
/// that a loop cannot go on. Others end the process.
hallway_outcome end_for_exception(hallway_error** error) noexcept;

/// Runs the body of a function that can fail.
template <typename Action>
hallway_outcome guarded(hallway_error** error, Action action) noexcept {
  try {
    return action();
  } catch (...) {
    return end_for_exception(error);
  }
}

/// An outcome with its error, for a callback.
class Ending {
 public:
  Ending() noexcept = default;
  explicit Ending(hallway_outcome outcome) noexcept;
  explicit Ending(const Error& reason) noexcept : outcome_(fail(&error_, reason)) {}
  Ending(Ending&& other) noexcept
      : error_(std::exchange(other.error_, nullptr)), outcome_(other.outcome_) {}
  Ending& operator=(Ending&& other) noexcept {
    std::swap(outcome_, other.outcome_);
    std::swap(error_, other.error_);
    return *this;
  }
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;
  ~Ending() { hallway_error_free(error_); }

  template <typename R>
  static Ending of(const R& result) noexcept {
    Ending ending;
    ending.outcome_ = guarded(&ending.error_, [&] { return c::finish(&ending.error_, result); });
    return ending;
  }

  /// Moves the error to the program.
  [[nodiscard]] hallway_outcome give_to(hallway_error** error) noexcept {
    if (error != nullptr && outcome_ != HALLWAY_OK) *error = std::exchange(error_, nullptr);
    return outcome_;
  }
  [[nodiscard]] hallway_outcome outcome() const noexcept { return outcome_; }
  [[nodiscard]] const hallway_error* error() const noexcept { return error_; }

 private:
  hallway_error* error_ = nullptr;
  hallway_outcome outcome_ = HALLWAY_OK;
};

// Values -----------------------------------------------------------------------------------------

inline ByteView bytes_of(const void* data, std::size_t size) noexcept {
  return {static_cast<const char*>(data), size};
}
inline ByteView bytes_of(const hallway_view& view) noexcept { return {view.data, view.size}; }
inline hallway_view view_of(ByteView bytes) noexcept { return {bytes.data(), bytes.size()}; }
inline Duration duration_of(std::int64_t nanoseconds) noexcept { return Duration(nanoseconds); }
inline hallway_peer to_c(const Peer& peer) noexcept { return {peer.uid, peer.gid, peer.pid}; }
inline hallway_counters to_c(const Counters& counters) noexcept {
  return {counters.messages_received, counters.messages_sent, counters.bytes_received,
          counters.bytes_sent, counters.dropped};
}

/// Adopts descriptors. If there is no memory for that, they are closed.
std::vector<Descriptor> adopt(const int* descriptors, std::size_t count);
/// Moves descriptors to the program.
std::size_t take(std::span<Descriptor> from, int* descriptors, std::size_t room) noexcept;

}  // namespace hallway::c
