// SPDX-License-Identifier: Apache-2.0
//
// Failures: one line on stderr, a hint under it where there is one, and an exit status that
// scripts may rely on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <hallway/connection.hpp>
#include <hallway/error.hpp>

namespace hallway::tool {

namespace exit_status {
inline constexpr int done = 0;
inline constexpr int failed = 1;
inline constexpr int usage = 2;
inline constexpr int unreachable = 7;
inline constexpr int timed_out = 28;
inline constexpr int denied = 77;
}  // namespace exit_status

/// How failures are written; said once, before the flags are read: they may be what fails.
enum class ReportForm { text, json };
void report_as(ReportForm form);

/// Writes `hallway: <operation>: <subject>: <why>` and the hint. Returns the exit status that
/// belongs to the error: 28 for a deadline, 77 for a denial, else 1.
int fail(const Error& error);

/// The same for an attempt to connect, where every other reason is 7.
int fail_to_connect(const Error& error);

/// A wrong command line: 2.
int fail_usage(std::string_view what, std::string_view why, std::string_view hint);

/// A value that cannot be used, in a file: 2.
int fail_usage(const Error& error);

/// All that is wrong with a config: 2, unless its file cannot be read.
int fail_config(const std::vector<Error>& errors);

/// An Error for what the tool itself attempted; `code` is errno's value.
Error error_of(int code, std::string_view operation, std::string_view subject);

/// The same with a reason in our own words.
Error error_of(std::errc code, std::string_view operation, std::string_view subject,
               std::string_view reason);

}  // namespace hallway::tool
