// SPDX-License-Identifier: Apache-2.0
//
// What the threads of a process sleep in (/proc/PID/task/TID/syscall), and which sockets its epoll
// instances have: would it notice that something arrives?
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace hallway::net {

struct ThreadCall {
  enum class Kind : std::uint8_t {
    read,   ///< read(2), recvmsg(2) and their like
    write,  ///< write(2), sendmsg(2) and their like
    connect,
    accept,   ///< accept(2), accept4(2)
    events,   ///< epoll_wait(2)
    several,  ///< poll(2), select(2), io_uring_enter(2), which do not show for what
    running,  ///< it does not sleep
    other,
  };
  Kind kind = Kind::other;
  unsigned descriptor = 0;  ///< of `read`, `write`, `connect` and `accept`
};

/// A line of such a file: "45 0x3 ..." is recvfrom(2) of descriptor 3 on x86-64; nullopt: it does
/// not fit.
std::optional<ThreadCall> parse_thread_call(std::string_view text);

struct Attention {
  std::vector<ThreadCall> calls;    ///< of all threads; empty if they are not ours to read
  std::set<std::uint64_t> watched;  ///< the inodes that its epoll instances have
  bool has_io_uring = false;        ///< which does not show what it waits for

  /// Whether a thread sleeps in such a call.
  [[nodiscard]] bool has(ThreadCall::Kind kind) const;
  /// Whether a thread sleeps in such a call on one of the descriptors.
  [[nodiscard]] bool calls_on(ThreadCall::Kind kind,
                              const std::vector<std::string>& descriptors) const;
  /// Whether it would notice that something arrives at the socket, which has these descriptors;
  /// nullopt: not to be seen.
  [[nodiscard]] std::optional<bool> attends(std::uint64_t socket,
                                            const std::vector<std::string>& descriptors) const;
  /// Whether an epoll instance has the listening socket, which has these descriptors, or a thread
  /// sleeps in accept(2) on it; nullopt: not to be seen.
  [[nodiscard]] std::optional<bool> accepts(std::uint64_t socket,
                                            const std::vector<std::string>& descriptors) const;
  /// Whether a thread waits for input that is not known to be that of these descriptors.
  [[nodiscard]] bool waits_for_other(const std::vector<std::string>& descriptors) const;
};

Attention attention_of(std::int32_t pid);

}  // namespace hallway::net
