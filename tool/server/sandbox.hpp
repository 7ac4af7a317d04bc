// SPDX-License-Identifier: Apache-2.0
//
// What a server gives up once it listens, so that a bug in it is worth little to an attacker: it
// gains no privileges, starts no program, opens no connection to a network, and reaches few files.
// `hallway hub` and `hallway serve` enter it by default; --no-sandbox disables it.
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
  /// Why the sandbox is disabled; empty if it is enabled.
  std::string off;
  /// Socket files that it removes when it ends.
  std::vector<Address> sockets;
  /// Whether it makes them again when they are lost. Their directory may have been replaced by
  /// then.
  bool rebinds = false;
  /// A file that is read again on SIGHUP. It may have been replaced by then.
  std::optional<std::string> config;
  /// Why it inspects other processes, which Landlock does not allow (landlock.hpp): Landlock is
  /// then left out. Empty if it does not.
  std::string looks_into_processes;
};

/// Runs an action in another thread of this process, before that thread does anything else.
using RunInThread = std::function<void(std::function<void()>)>;

/// What is in effect.
struct Sandbox {
  bool no_new_privileges = false;
  int landlock = 0;              ///< the version of its interface; 0: not in effect
  std::string without_landlock;  ///< why it is not in effect
  std::size_t system_calls = 0;  ///< how many are allowed; 0: all of them
  std::string without_filter;    ///< why all are allowed
  std::vector<Error> errors;     ///< what could not be applied

  /// "no new privileges, Landlock ABI 3, 87 system calls".
  [[nodiscard]] std::string to_string() const;
};

/// Gives up what is not needed, permanently and in all threads. What this kernel does not support
/// is left out, and an error does not prevent the rest from taking effect: the result reports both.
/// To be called by the main thread. Landlock applies to one thread at a time, so the other threads
/// must apply it themselves; threads started later inherit it.
/// @param others    all other threads that exist now
/// @param on_error  called in such a thread if it could not be restricted
Sandbox enter_sandbox(const SandboxNeeds& needs, const std::vector<RunInThread>& others,
                      const std::function<void(const Error&)>& on_error);

}  // namespace hallway::tool
