// SPDX-License-Identifier: Apache-2.0
//
// The fault hook lets tests make system calls fail or fall short. Every function of this layer
// consults it before each call (tests/layers/check_fault_hook.py lists the exceptions, with
// reasons). Without a test, that costs one load and a branch that is never taken.
#pragma once

#include <atomic>
#include <cstdint>

namespace hallway::sys {

enum class Call : std::uint8_t {
  socket,
  socketpair,
  bind,
  connect,
  listen,
  accept,
  shutdown,
  getsockopt,
  setsockopt,
  ioctl,
  getsockname,
  getpeername,
  sendmsg,
  recvmsg,
  epoll_create,
  epoll_ctl,
  epoll_wait,
  eventfd,
  timerfd_create,
  poll,
  open,
  flock,
  fstat,
  fchmod,
  chmod,
  fchown,
  unlink,
  rename,
  inotify_init,
  inotify_add_watch,
  fcntl,
  read,
  write,
  getrlimit,
  sigaction,
  spawn,
  pidfd_open,
  pidfd_send_signal,
  waitid,
  thread,
};

/// What a test decided about one call.
struct InjectedFault {
  int error = 0;          ///< fail with this errno without entering the kernel; EINTR is retried
  bool one_byte = false;  ///< sendmsg and recvmsg: move at most one byte
};

using FaultHook = InjectedFault (*)(Call call) noexcept;

/// The hook that a test has set; null in production.
// Only tests set it, before and after the code they observe.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
extern std::atomic<FaultHook> fault_hook;

inline InjectedFault consult_fault_hook(Call call) noexcept {
  const FaultHook decide = fault_hook.load(std::memory_order_relaxed);
  return decide == nullptr ? InjectedFault{} : decide(call);
}

}  // namespace hallway::sys
