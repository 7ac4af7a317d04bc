// SPDX-License-Identifier: Apache-2.0
//
// The messages of a load. Each carries its number, so that answers can be distinguished. None
// contains a byte that a framing or a server's protocol could interpret. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hallway::tool {

class Payload {
 public:
  /// @param size  size of each message in bytes, at least 1
  explicit Payload(std::size_t size)
      : digits_(std::min<std::size_t>(size, most_digits)), message_(size, '.'), probe_(size, '~') {}

  /// The message with this number: as many of its hexadecimal digits as fit, lowest first, then
  /// dots. Valid until the next call.
  std::string_view write(std::uint64_t number) noexcept {
    for (std::size_t at = 0; at < digits_; ++at, number >>= 4) {
      message_[at] = "0123456789ABCDEF"[number & 0xF];
    }
    return message_;
  }

  /// Sent before the measurement: a connection that receives it is known to be served.
  [[nodiscard]] std::string_view probe() const noexcept { return probe_; }

  /// The part of its number that a message contains, see mask().
  /// @return nullopt if the message is not one of ours, or not complete
  [[nodiscard]] std::optional<std::uint64_t> read(std::string_view message) const noexcept {
    const std::string_view dots = std::string_view(message_).substr(digits_);
    if (message.size() != message_.size() || message.substr(digits_) != dots) return std::nullopt;
    std::uint64_t number = 0;
    for (std::size_t at = digits_; at-- > 0;) {
      const char letter = message[at];
      const bool is_letter = letter >= 'A' && letter <= 'F';
      if (!is_letter && (letter < '0' || letter > '9')) return std::nullopt;
      number = number << 4 | static_cast<unsigned>(is_letter ? letter - 'A' + 10 : letter - '0');
    }
    return number;
  }

  /// The bits of a number that fit into a message.
  [[nodiscard]] std::uint64_t mask() const noexcept {
    return digits_ == most_digits ? UINT64_MAX : (std::uint64_t{1} << 4 * digits_) - 1;
  }

 private:
  static constexpr std::size_t most_digits = 16;

  std::size_t digits_;
  std::string message_;
  std::string probe_;
};

}  // namespace hallway::tool
