// SPDX-License-Identifier: Apache-2.0
//
// Landlock (landlock(7)): a thread gives up access to files, for itself and for the threads that it
// starts from then on. The restriction applies to later opens; open descriptors are not affected.
#pragma once

#include <cstdint>
#include <string>

#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>

namespace hallway::tool {

/// A thread restricted by Landlock cannot inspect unrestricted processes. For them, the kernel
/// refuses everything that needs permission to trace a process, including /proc/PID/exe, cwd, root
/// and fd (hook_ptrace_access_check, security/landlock/task.c). World-readable files such as
/// /proc/PID/status and comm stay readable.
class Landlock {
 public:
  /// The version of the kernel's Landlock interface; 0 if it has none, or it is disabled.
  /// @errors operation_not_permitted: a seccomp filter of this process refuses the call
  static Result<int> version();

  /// A ruleset that allows nothing of what `version` can restrict: access to files, connections by
  /// TCP (from version 4 on) and signals to other processes (6).
  static Result<Landlock> of_version(int version);

  /// Allows reading below a directory. A directory that does not exist is skipped.
  [[nodiscard]] Result<void> allow_reading(const std::string& directory);

  /// Allows what a socket file and its lock file need below a directory: to make, remove, read and
  /// write them. A directory that does not exist is skipped.
  [[nodiscard]] Result<void> allow_socket_files(const std::string& directory);

  /// Restricts this thread permanently to what was allowed. It also can no longer gain privileges
  /// by execve(2).
  [[nodiscard]] Result<void> restrict_this_thread() const;

 private:
  Landlock(Descriptor ruleset, std::uint64_t handled)
      : ruleset_(std::move(ruleset)), handled_(handled) {}

  Result<void> allow(const std::string& directory, std::uint64_t access);

  Descriptor ruleset_;
  std::uint64_t handled_;
};

}  // namespace hallway::tool
