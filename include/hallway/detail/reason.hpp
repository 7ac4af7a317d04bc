// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// What a result keeps to explain itself. Internal.
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#include <utility>

#include <hallway/error.hpp>
#include <hallway/export.hpp>

namespace hallway::detail {

struct Cause;

/// Why an operation did not end with Outcome::ok: null if it did. Owns what error() needs, so that
/// it outlives the connection.
class HALLWAY_EXPORT Reason {
 public:
  Reason() noexcept = default;
  /// An outcome whose error names neither an operation's peer nor its address. Never allocates.
  explicit Reason(Outcome outcome) noexcept;
  /// Takes ownership.
  explicit Reason(const Cause* cause) noexcept : cause_(cause) {}
  Reason(Reason&& other) noexcept : cause_(std::exchange(other.cause_, nullptr)) {}
  Reason& operator=(Reason&& other) noexcept {
    std::swap(cause_, other.cause_);
    return *this;
  }
  Reason(const Reason&) = delete;
  Reason& operator=(const Reason&) = delete;
  ~Reason() {
    if (cause_ != nullptr) [[unlikely]]
      release();
  }

  [[nodiscard]] bool is_ok() const noexcept { return cause_ == nullptr; }
  [[nodiscard]] Outcome outcome() const noexcept {
    return cause_ == nullptr ? Outcome::ok : outcome_of_cause();
  }
  [[nodiscard]] Error explain(const char* operation) const;
  /// The program has looked at the result: see Sent.
  void note_read() const noexcept;

 private:
  [[nodiscard]] Outcome outcome_of_cause() const noexcept;
  void release() noexcept;

  const Cause* cause_ = nullptr;
};

}  // namespace hallway::detail
