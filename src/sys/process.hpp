// SPDX-License-Identifier: Apache-2.0
//
// Child processes, and pidfds to wait for them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <hallway/descriptor.hpp>

#include "core/number.hpp"
#include "sys/expected.hpp"

namespace hallway::sys {

/// Starts a program found through PATH. `standard` become its descriptors 0, 1 and 2. All other
/// descriptors are closed in it, every signal has its default disposition and none is blocked.
/// It uses posix_spawn, not fork: a forked child of a threaded process may not even allocate.
/// With `own_group`, the program leads a process group of its own.
/// If this process ignores SIGCHLD, or catches it with SA_NOCLDWAIT, spawn() ends that: reap()
/// could not report how the child ended.
/// @return the pid
Expected<std::int32_t> spawn(const std::vector<std::string>& command,
                             const std::array<int, 3>& standard,
                             const std::vector<std::string>& environment, bool own_group = false);

Expected<Descriptor> open_pidfd(std::int32_t pid);
/// Kills a child of ours that cannot be watched, and reaps it. Blocking: until it has ended.
void kill_and_reap(std::int32_t pid) noexcept;
Expected<void> send_signal(int pidfd, int signal);
/// Sends a signal to every process of the group. Only safe while its leader, our child, is not
/// reaped.
Expected<void> send_signal_to_group(std::int32_t leader, int signal);

struct ExitStatus {
  int code = 0;
  int signal = 0;
};

/// Reaps a child without waiting.
/// @errors EAGAIN: it still runs; ECHILD: it has ended, and the kernel has reaped it, because
///         SIGCHLD was ignored at that time
Expected<ExitStatus> reap(int pidfd);

/// In how many pid namespaces a process has a number, beginning with the namespace that /proc
/// shows: 1 for a process of that namespace, more for one of a namespace below it. Read from
/// /proc/PID/status, which every user may read.
/// @errors ENOENT: no such process, or no /proc; EPROTO: the file does not contain it
Expected<std::size_t> pid_namespaces_of(std::int32_t pid);

/// What a process does at this moment, as the letter in /proc/PID/stat, which every user may read:
/// R runs, S sleeps, D sleeps in the kernel and cannot be interrupted, T is stopped by a signal, t
/// is stopped by a tracer, Z has ended and was not reaped.
/// @errors ENOENT: no such process, or no /proc; EPROTO: the file does not contain it
Expected<char> process_state(std::int32_t pid);

/// Whether one of a process's descriptors is the socket with this inode. Also false if we may not
/// see its descriptors (/proc/PID/fd).
bool holds_socket(std::int32_t pid, std::uint64_t socket);

/// A copy of this process's environment, without the names in `removed`.
std::vector<std::string> environment_without(const std::vector<std::string>& removed);

/// secure_getenv(3): null in a set-user-ID program.
const char* environment_value(const char* name);

/// @return nullopt if the value is not a number, or not set
template <typename Number>
std::optional<Number> environment_number(const char* name) {
  const char* const value = environment_value(name);
  return value == nullptr ? std::nullopt : core::parse_number<Number>(value);
}

}  // namespace hallway::sys
