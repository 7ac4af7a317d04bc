// SPDX-License-Identifier: Apache-2.0
//
// Formats measured figures for people: three significant digits and a unit. Pure functions.
#pragma once

#include <cstdint>
#include <string>

namespace hallway::tool {

/// How a microsecond is written: as "us", or with the Greek letter.
enum class Micro : std::uint8_t { us, mu };

/// "850 ns", "12.3 us", "1.24 ms", "2.50 s"
/// @param nanoseconds  not negative
std::string write_time(double nanoseconds, Micro micro = Micro::us);

/// "412,345"
std::string write_grouped(double number);

/// "5.28 MB", powers of 1000
std::string write_bytes(double bytes);

/// "64 %"
std::string write_share(double share);

}  // namespace hallway::tool
