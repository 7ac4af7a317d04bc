// SPDX-License-Identifier: Apache-2.0
//
// Measured figures as people read them: three digits that count, and a unit. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace hallway::tool {

/// How the millionth of a second is written.
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
