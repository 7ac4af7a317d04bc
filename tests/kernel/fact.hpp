// SPDX-License-Identifier: Apache-2.0
//
// What docs/HAZARDS.md says the kernel does, as tests: raw system calls, nothing of the library.
// The suite is the row, the name is the fact. A kernel that does something else fails nothing:
// the difference is told, and the test counts as skipped, so that we learn of it first.
#pragma once

#include <gtest/gtest.h>

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>

#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"

namespace hallway::test {

/// One fact. Prints "fact H13 holds: <the fact>" when it does.
class Fact : public testing::Test {
 protected:
  void TearDown() override;
};

/// How a system call ended: "ok", or the name of errno ("EAGAIN").
std::string result_of(ssize_t result);
std::string error_name(int error);

/// Prints and gives the line that tells a difference.
std::string difference(std::string_view what, const std::string& expected, const std::string& seen);

template <typename Seen, typename Expected>
std::string compare(std::string_view what, const Seen& seen, const Expected& expected) {
  if (seen == expected) return {};
  return difference(what, testing::PrintToString(expected), testing::PrintToString(seen));
}

/// The kernel's answer is `expected`, or the test ends here as skipped, out loud.
#define KERNEL_SAYS(seen, expected)                                                \
  if (const std::string differs = ::hallway::test::compare(#seen, seen, expected); \
      !differs.empty()) {                                                          \
    GTEST_SKIP() << differs;                                                       \
  }                                                                                \
  static_assert(true)

/// A child that could not get what it needs says "cannot ..."; then the fact stays open.
#define NEEDS_WHAT_THE_CHILD_NEEDED(text)                                \
  if (std::string_view(text).starts_with("cannot ")) {                   \
    GTEST_SKIP() << "not allowed here, so the fact is open: " << (text); \
  }                                                                      \
  static_assert(true)

// Small helpers over the raw calls.

/// What an attempt to connect a socket of that type says.
std::string connect_says(int type, const RawAddress& address);

Descriptor accept_one(const Descriptor& listener);

/// A number from a file below /proc, or `otherwise`.
long number_in(const std::string& path, long otherwise);

int integer_option(int socket, int level, int name);

/// What poll(2) reports at once.
short polled(int descriptor, short events);

/// Blocks until the process (or thread) `id` sleeps in the kernel. False: it ended instead.
bool sleeps(pid_t id);

/// The text `work` gives in a forked child with namespaces of its own (unshare(2) flags), as
/// root of a user namespace of its own where this process is not root. "cannot ...": forbidden.
std::string in_own_namespaces(int flags, const std::function<std::string()>& work);

}  // namespace hallway::test
