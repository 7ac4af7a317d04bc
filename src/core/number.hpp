// SPDX-License-Identifier: Apache-2.0
//
// Parses numbers: decimal digits, with a `-` in front if the type has a sign, and no blanks. A
// number outside the range of the type is not valid.
#pragma once

#include <charconv>
#include <cstddef>
#include <optional>
#include <string_view>
#include <system_error>

namespace hallway::core {

/// Removes the number that `text` begins with.
/// @return nullopt if there is none; `text` is then unchanged
template <typename Number>
std::optional<Number> take_number(std::string_view& text) noexcept {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// @return nullopt unless all of `text` is one number
template <typename Number>
std::optional<Number> parse_number(std::string_view text) noexcept {
  const auto number = take_number<Number>(text);
  return text.empty() ? number : std::nullopt;
}

}  // namespace hallway::core
