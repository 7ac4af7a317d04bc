// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>

namespace hallway::tool {

/// @param base  of the digits, if they are not decimal
/// @return nullopt unless all of `text` is one number
template <typename Number>
std::optional<Number> parse_number(std::string_view text, std::same_as<int> auto... base) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number, base...);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

}  // namespace hallway::tool
