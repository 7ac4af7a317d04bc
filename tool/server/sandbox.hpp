// SPDX-License-Identifier: Apache-2.0
//
// What a server that listens gives up, so that a bug in it is worth little to whoever finds one: it
// gains no privileges, starts no program, opens no connection to a network, and reaches few files.
// `hallway hub` and `hallway serve` enter it by themselves; --no-sandbox leaves it out.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/error.hpp>

namespace hallway::tool {

/// What a server still needs once it listens.
struct SandboxNeeds {
  /// Why there is to be no sandbox; empty: there is to be one.
  std::string off;
  /// Socket files that it removes when it ends.
  std::vector<Address> sockets;
  /// Whether it makes them again when they are lost: their directory may be another one by then.
  bool rebinds = false;
  /// A file that is read again on SIGHUP. Another one may have its name by then.
  std::optional<std::string> config;
  /// Why it looks into other processes, which Landlock does not allow (landlock.hpp): there is no
  /// Landlock then. Empty: it does not.
  std::string looks_into_processes;
};

/// Lets another thread of this process run an action before it does anything else.
using RunInThread = std::function<void(std::function<void()>)>;

/// What holds.
struct Sandbox {
  bool no_new_privileges = false;
  int landlock = 0;              ///< the version of its interface; 0: it does not hold
  std::string without_landlock;  ///< why it does not
  std::size_t system_calls = 0;  ///< how many are left; 0: all of them
  std::string without_filter;    ///< why all of them
  std::vector<Error> errors;     ///< what could not be applied

  /// "no new privileges, Landlock ABI 3, 87 system calls".
  [[nodiscard]] std::string to_string() const;
};

/// Gives up what is not needed, for good and in all threads. What this kernel does not have is left
/// out, and what goes wrong does not keep the rest from holding: the result says both.
/// To be called by the main thread. Landlock holds for one thread at a time, so the others have to
/// do their part; threads that are started later inherit it.
/// @param others    each thread that is there besides
/// @param on_error  called in one of these, if it could not
Sandbox enter_sandbox(const SandboxNeeds& needs, const std::vector<RunInThread>& others,
                      const std::function<void(const Error&)>& on_error);

}  // namespace hallway::tool
