// SPDX-License-Identifier: Apache-2.0
#include "stream.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

#include "clock.hpp"
#include "fail.hpp"

namespace bench {

namespace {

constexpr int backlog = 4096;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) fail("too long a path: " + path);
  path.copy(static_cast<char*>(address.sun_path), path.size());
  return address;
}

Socket stream_socket(int family = AF_UNIX) {
  Socket made(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (made.get() < 0) fail_with_errno("socket");
  return made;
}

}  // namespace

Socket::~Socket() {
  if (number_ >= 0) close(number_);
}

Socket listen_at(const std::string& path) {
  Socket listener = stream_socket();
  const sockaddr_un address = address_of(path);
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail_with_errno("bind");
  }
  if (listen(listener.get(), backlog) != 0) fail_with_errno("listen");
  return listener;
}

Socket accept_one(const Socket& listener) {
  Socket accepted(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (accepted.get() < 0) fail_with_errno("accept4");
  return accepted;
}

Socket connect_to(const std::string& path) {
  Socket connected = stream_socket();
  const sockaddr_un address = address_of(path);
  if (connect(connected.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail_with_errno("connect");
  }
  return connected;
}

Socket connect_when_listening(const sockaddr& address, std::size_t size) {
  constexpr std::uint64_t patience = 10'000'000'000;
  const std::uint64_t started = now();
  while (true) {
    Socket connected = stream_socket(address.sa_family);
    if (connect(connected.get(), &address, static_cast<socklen_t>(size)) == 0) return connected;
    if (now() - started > patience) fail_with_errno("connect");
    usleep(1000);
  }
}

Socket connect_when_listening(const std::string& path) {
  const sockaddr_un address = address_of(path);
  return connect_when_listening(reinterpret_cast<const sockaddr&>(address), sizeof address);
}

void make_nonblocking(int descriptor) {
  if (fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) != 0) {
    fail_with_errno("fcntl");
  }
}

void set_send_buffer(int descriptor, int bytes) {
  if (setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes) != 0) {
    fail_with_errno("setsockopt");
  }
}

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written < 0 && errno == EAGAIN) {
      pollfd wanted{.fd = descriptor, .events = POLLOUT, .revents = 0};
      poll(&wanted, 1, -1);
    }
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written < 0) fail_with_errno("send");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace bench
