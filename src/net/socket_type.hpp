// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <hallway/socket.hpp>

#include "sys/socket.hpp"

namespace hallway::net {

constexpr sys::Type to_sys(SocketType type) noexcept {
  switch (type) {
    case SocketType::seqpacket: return sys::Type::seqpacket;
    case SocketType::datagram: return sys::Type::datagram;
    case SocketType::stream: break;
  }
  return sys::Type::stream;
}

constexpr SocketType from_sys(sys::Type type) noexcept {
  switch (type) {
    case sys::Type::seqpacket: return SocketType::seqpacket;
    case sys::Type::datagram: return SocketType::datagram;
    case sys::Type::stream: break;
  }
  return SocketType::stream;
}

}  // namespace hallway::net
