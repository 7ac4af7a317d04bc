// SPDX-License-Identifier: Apache-2.0
//
// What reads and writes whole big messages on a blocking socket.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "fail.hpp"
#include "stream.hpp"

namespace bench {

/// Writes a message and the length before it from where they are.
inline void write_message(const Socket& socket, std::string_view message) {
  auto length = static_cast<std::uint32_t>(message.size());
  const std::array<iovec, 2> parts{
      {{&length, length_size}, {const_cast<char*>(message.data()), message.size()}}};
  const ssize_t written = writev(socket.get(), parts.data(), parts.size());
  if (written < static_cast<ssize_t>(length_size)) fail_with_errno("writev");
  write_all(socket.get(), message.substr(static_cast<std::size_t>(written) - length_size));
}

/// Fills `space`.
inline void read_all(const Socket& socket, std::span<char> space) {
  const ssize_t got = recv(socket.get(), space.data(), space.size(), MSG_WAITALL);
  if (got != static_cast<ssize_t>(space.size())) fail_with_errno("recv");
}

/// Reads a message into `buffer`, which grows to hold it.
inline std::string_view read_message(const Socket& socket, std::vector<char>& buffer) {
  std::array<char, length_size> head{};
  read_all(socket, head);
  std::uint32_t length = 0;
  std::memcpy(&length, head.data(), length_size);
  if (buffer.size() < length) buffer.resize(length);
  read_all(socket, std::span(buffer).first(length));
  return {buffer.data(), length};
}

}  // namespace bench
