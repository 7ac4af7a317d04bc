// SPDX-License-Identifier: Apache-2.0
#include "sys/foreign_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/adopted.hpp"

namespace hallway::sys {

namespace {

// SO_PASSRIGHTS (asm-generic/socket.h), which Debian 12's headers lack.
constexpr int option_pass_rights = 83;

}  // namespace

Expected<Descriptor> copy_descriptor(int pidfd, int number) {
  return adopted(retry_on_eintr(Call::pidfd_open, [&] {
    return static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, number, 0));
  }));
}

Expected<bool> has_room_to_send(int socket) {
  pollfd asked{.fd = socket, .events = POLLOUT, .revents = 0};
  const auto ready = retry_on_eintr(Call::poll, [&] { return ::poll(&asked, 1, 0); });
  if (!ready) return std::unexpected(ready.error());
  return (asked.revents & POLLOUT) != 0;
}

Expected<bool> takes_descriptors(int socket) {
  int value = 0;
  socklen_t size = sizeof value;
  const auto got = check(Call::getsockopt, [&] {
    return ::getsockopt(socket, SOL_SOCKET, option_pass_rights, &value, &size);
  });
  if (!got) return std::unexpected(got.error());
  return value != 0;
}

}  // namespace hallway::sys
