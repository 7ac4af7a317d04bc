// SPDX-License-Identifier: Apache-2.0
//
// Reports failures: one line on stderr, a hint below it if there is one, and an exit status that
// scripts may rely on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <hallway/address.hpp>
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

/// How failures are written. Set once, before the flags are parsed, because parsing may fail.
enum class ReportForm { text, json };
void report_as(ReportForm form);

/// Writes `hallway: <operation>: <subject>: <why>` and the hint. Returns the exit status of the
/// error: 28 for a timeout, 77 for denied permission, else 1.
int fail(const Error& error);

/// The same for a failed connect, where any other error gives 7.
int fail_to_connect(const Error& error);

/// Reports a wrong command line. Returns 2.
int fail_usage(std::string_view what, std::string_view why, std::string_view hint);

/// Reports an unusable value in a file. Returns 2.
int fail_usage(const Error& error);

/// Reports all errors of a config. Returns 2, unless its file cannot be read.
int fail_config(const std::vector<Error>& errors);

/// "to find out why: hallway diagnose ADDRESS"; empty for an address that has no name.
std::string advice_to_diagnose(const Address& address);

/// An Error for an operation of the tool itself; `code` is an errno value.
Error error_of(int code, std::string_view operation, std::string_view subject);

/// The same with the caller's reason text.
Error error_of(std::errc code, std::string_view operation, std::string_view subject,
               std::string_view reason);

}  // namespace hallway::tool
