// SPDX-License-Identifier: Apache-2.0
//
// The messages of a load. Each carries its number, so that an answer can be told from any other;
// none holds a byte that a framing or a word of a server's could take for its own. Pure.
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
  /// @param size  of each message, at least 1
  explicit Payload(std::size_t size)
      : digits_(std::min<std::size_t>(size, most_digits)), message_(size, '.'), probe_(size, '~') {}

  /// The message of this number: as many hexadecimal digits of it as fit, the lowest first, then
  /// dots. Valid until the next call.
  std::string_view write(std::uint64_t number) noexcept {
    for (std::size_t at = 0; at < digits_; ++at, number >>= 4) {
      message_[at] = "0123456789ABCDEF"[number & 0xF];
    }
    return message_;
  }

  /// Goes out before anything is measured: whoever gets it back is connected and heard.
  [[nodiscard]] std::string_view probe() const noexcept { return probe_; }

  /// The number in a message as far as it is written there, see mask(). Nothing: it is none of
  /// ours, or not whole.
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

  /// The bits of a number that a message has room for.
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
