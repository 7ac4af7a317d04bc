// SPDX-License-Identifier: Apache-2.0
// Layer: net
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>

namespace hallway {

/// The types of man 7 unix. A stream carries bytes and needs a Framing. The other two carry
/// packets, and one packet is one message.
enum class SocketType : std::uint8_t { stream, seqpacket, datagram };

/// "stream", "seqpacket", "datagram"
HALLWAY_EXPORT std::string_view to_string(SocketType type) noexcept;

/// Accepts those names, and "dgram".
HALLWAY_EXPORT Result<SocketType> parse_socket_type(std::string_view text);

/// Two connected, unnamed sockets: socketpair(2). Both are blocking and close-on-exec.
HALLWAY_EXPORT Result<std::pair<Descriptor, Descriptor>> socket_pair(
    SocketType type = SocketType::stream);

}  // namespace hallway
