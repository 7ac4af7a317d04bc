// SPDX-License-Identifier: Apache-2.0
//
// What every program sends: messages that carry their number, so that each one is checked.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "fail.hpp"

namespace bench {

/// The number of a message that says: no more comes.
inline constexpr std::uint64_t last_number = UINT64_MAX;

/// One message, reused: its number in the first eight bytes, then filler.
class Numbered {
 public:
  explicit Numbered(std::size_t size) : bytes_(std::max(size, sizeof(std::uint64_t)), 'h') {}

  /// Borrowed until the next call.
  std::string_view with(std::uint64_t number) {
    std::memcpy(bytes_.data(), &number, sizeof number);
    return bytes_;
  }
  std::string_view last() { return with(last_number); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }

 private:
  std::string bytes_;
};

inline std::uint64_t number_of(std::string_view message) {
  std::uint64_t number = 0;
  std::memcpy(&number, message.data(), sizeof number);
  return number;
}

/// Checks that messages arrive whole, in order, and none is missing.
class Sequence {
 public:
  explicit Sequence(std::size_t size) : size_(std::max(size, sizeof(std::uint64_t))) {}

  /// Takes the next message. False when it is the last one. Anything else out of order fails.
  bool take(std::string_view message) {
    if (message.size() != size_) fail("a message of another size arrived");
    const std::uint64_t number = number_of(message);
    if (number == next_) [[likely]] {
      ++next_;
      return true;
    }
    if (number == last_number) return false;
    fail("lost or out of order: message " + std::to_string(number) + " arrived in place of " +
         std::to_string(next_));
  }

  [[nodiscard]] std::uint64_t taken() const noexcept { return next_; }

 private:
  std::size_t size_;
  std::uint64_t next_ = 0;
};

}  // namespace bench
