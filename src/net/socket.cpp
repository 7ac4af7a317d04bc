// SPDX-License-Identifier: Apache-2.0
#include <hallway/socket.hpp>

#include "net/socket_type.hpp"
#include "sys/socket.hpp"

namespace hallway {

std::string_view to_string(SocketType type) noexcept {
  switch (type) {
    case SocketType::stream: return "stream";
    case SocketType::seqpacket: return "seqpacket";
    case SocketType::datagram: return "datagram";
  }
  return "unknown type";
}

Result<SocketType> parse_socket_type(std::string_view text) {
  if (text == "stream") return SocketType::stream;
  if (text == "seqpacket") return SocketType::seqpacket;
  if (text == "datagram" || text == "dgram") return SocketType::datagram;
  return sys::failure(EINVAL, "socket type", std::string(text), "not a socket type",
                      "use stream, seqpacket or datagram");
}

Result<std::pair<Descriptor, Descriptor>> socket_pair(SocketType type) {
  auto pair = sys::make_pair(net::to_sys(type));
  if (!pair) return sys::failure(pair.error(), "create", "socket pair");
  return std::move(*pair);
}

}  // namespace hallway
