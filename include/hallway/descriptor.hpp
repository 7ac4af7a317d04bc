// SPDX-License-Identifier: Apache-2.0
// Layer: core
#pragma once

#include <utility>

#include <hallway/export.hpp>

namespace hallway {

/// An owned file descriptor, closed exactly once, by the object that owns it last.
///
/// Every descriptor that Hallway creates is close-on-exec from the start. There is deliberately no
/// conversion to int or bool: 0 is a valid descriptor, and a copy of the number is not a copy of
/// the owner. Thread: distinct objects.
class HALLWAY_EXPORT Descriptor {
 public:
  /// Owns no descriptor.
  Descriptor() noexcept = default;

  /// Adopts `number`: the returned object closes it.
  static Descriptor adopt(int number) noexcept { return Descriptor(number); }

  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      close();
      number_ = other.release();
    }
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }

  /// The number, borrowed: valid while this object owns it. -1 if it owns none.
  [[nodiscard]] int get() const noexcept { return number_; }
  [[nodiscard]] bool holds_one() const noexcept { return number_ >= 0; }

  /// Gives up ownership: the caller closes the returned number.
  [[nodiscard]] int release() noexcept { return std::exchange(number_, -1); }

  /// Closes now and preserves errno. close(2) is never retried, because on Linux the descriptor is
  /// closed even if close(2) reports EINTR.
  void close() noexcept;

 private:
  explicit Descriptor(int number) noexcept : number_(number) {}

  int number_ = -1;
};

}  // namespace hallway
