// SPDX-License-Identifier: Apache-2.0
#include "support/lingering_socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <stdexcept>
#include <string>

namespace hallway::test {

LingeringSocket::LingeringSocket() {
  const auto require = [](bool done) {
    if (!done) throw std::runtime_error("no TCP socket that lingers");
  };
  const auto listener = Descriptor::adopt(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  require(::bind(listener.get(), raw, size) == 0);
  require(::listen(listener.get(), 1) == 0);
  require(::getsockname(listener.get(), raw, &size) == 0);
  ours = Descriptor::adopt(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  require(::connect(ours.get(), raw, size) == 0);
  theirs = Descriptor::adopt(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const linger wait{1, static_cast<int>(time.count())};
  require(::setsockopt(ours.get(), SOL_SOCKET, SO_LINGER, &wait, sizeof wait) == 0);
  const std::string bytes(65536, 'x');
  while (::send(ours.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
  }
}

}  // namespace hallway::test
