// SPDX-License-Identifier: Apache-2.0
#include "net/accept.hpp"

#include "sys/socket.hpp"

namespace hallway::net {

sys::Expected<std::optional<Descriptor>> accept_next(int listener) {
  // Bounded: clients that a security module rejects could otherwise keep us in this loop.
  constexpr int most_skipped = 64;
  for (int attempt = 0; attempt < most_skipped; ++attempt) {
    auto connection = sys::accept(listener);
    if (connection) return std::move(*connection);
    switch (connection.error()) {
      case EAGAIN: return std::nullopt;
      // This client is gone, the next may not be. Not seen on Unix sockets, but accept(2) allows
      // them. The later ones are errors of the network that were pending on a TCP socket.
      case ECONNABORTED:
      case EPROTO:
      case EPERM:
      case ENETDOWN:
      case ENOPROTOOPT:
      case EHOSTDOWN:
      case ENONET:
      case EHOSTUNREACH:
      case EOPNOTSUPP:
      case ENETUNREACH: continue;
      default: return std::unexpected(connection.error());
    }
  }
  return std::nullopt;
}

}  // namespace hallway::net
