// SPDX-License-Identifier: Apache-2.0
//
// Landlock (landlock(7)): a thread gives up access to files, for itself and for the threads that it
// starts from then on. It holds for what is opened afterwards; descriptors that are open stay as
// they are.
#pragma once

#include <cstdint>
#include <string>

#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>

namespace hallway::tool {

/// A thread restricted by Landlock cannot look into processes that are not: for them, the kernel
/// refuses what takes the right to trace a process, /proc/PID/exe, cwd, root and fd among it
/// (hook_ptrace_access_check, security/landlock/task.c). What everybody may read, /proc/PID/status
/// and comm, stays readable.
class Landlock {
 public:
  /// The version of the interface that this kernel has; 0: it has none, or it is switched off.
  /// @errors operation_not_permitted: a filter around this process refuses the question
  static Result<int> version();

  /// Allows nothing so far, of all that `version` can refuse: access to files, connections by TCP
  /// (from version 4 on) and signals to other processes (6).
  static Result<Landlock> of_version(int version);

  /// Allows reading below a directory; one that does not exist is passed over.
  [[nodiscard]] Result<void> allow_reading(const std::string& directory);

  /// Allows what a socket file and the lock beside it take, below a directory: to make, remove,
  /// read and write them. One that does not exist is passed over.
  [[nodiscard]] Result<void> allow_socket_files(const std::string& directory);

  /// From here on all else is refused to this thread, for good. It may not gain privileges by
  /// execve(2) any more, either.
  [[nodiscard]] Result<void> restrict_this_thread() const;

 private:
  Landlock(Descriptor ruleset, std::uint64_t handled)
      : ruleset_(std::move(ruleset)), handled_(handled) {}

  Result<void> allow(const std::string& directory, std::uint64_t access);

  Descriptor ruleset_;
  std::uint64_t handled_;
};

}  // namespace hallway::tool
