// SPDX-License-Identifier: Apache-2.0
#include "io/figures.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <span>
#include <string_view>

namespace hallway::tool {

namespace {

/// Decimals for three significant digits; none if the whole part has at least three digits.
int decimals_of(double value) {
  if (value < 9.995) return 2;
  return value < 99.95 ? 1 : 0;
}

/// Formats a value in the largest of `units` in which it is at least 1. Each unit is 1000 times the
/// one before.
/// @param whole_first  no decimals in the first unit
std::string in_unit(double value, std::span<const std::string_view> units, bool whole_first) {
  std::size_t unit = 0;
  // A value that would round to 1000 is shown in the next unit.
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  if (unit == 0 && whole_first) return fmt::format("{:.0f} {}", value, units[unit]);
  return fmt::format("{:.{}f} {}", value, decimals_of(value), units[unit]);
}

}  // namespace

std::string write_time(double nanoseconds, Micro micro) {
  const std::array<std::string_view, 4> units{"ns", micro == Micro::us ? "us" : "µs", "ms", "s"};
  return in_unit(nanoseconds, units, true);
}

std::string write_grouped(double number) {
  std::string digits = fmt::format("{:.0f}", number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string write_bytes(double bytes) {
  constexpr std::array<std::string_view, 5> units{"B", "kB", "MB", "GB", "TB"};
  return in_unit(bytes, units, true);
}

std::string write_share(double share) { return fmt::format("{:.0f} %", 100 * share); }

}  // namespace hallway::tool
