// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// Formatters for the fmt library, 9.1 or later: `fmt::print("received {}\n", *message)`. The only
// header that needs more than the standard library; no other header includes it. Formatting is for
// people: the bytes of a message are escaped by printable().
#pragma once

#include <fmt/format.h>

#include <string_view>

#include <hallway/bytes.hpp>
#include <hallway/datagram_socket.hpp>
#include <hallway/message.hpp>
#include <hallway/server_event.hpp>

/// Takes the format of a string: width, fill, precision.
template <>
struct fmt::formatter<hallway::Message> : fmt::formatter<std::string_view> {
  template <typename Context>
  auto format(const hallway::Message& message, Context& context) const {
    return fmt::formatter<std::string_view>::format(hallway::printable(message.bytes()), context);
  }
};

template <>
struct fmt::formatter<hallway::Datagram> : fmt::formatter<std::string_view> {
  template <typename Context>
  auto format(const hallway::Datagram& datagram, Context& context) const {
    return fmt::formatter<std::string_view>::format(hallway::printable(datagram.bytes()), context);
  }
};

template <>
struct fmt::formatter<hallway::ServerEvent> : fmt::formatter<std::string_view> {
  template <typename Context>
  auto format(const hallway::ServerEvent& event, Context& context) const {
    return fmt::formatter<std::string_view>::format(to_string(event), context);
  }
};

template <>
struct fmt::formatter<hallway::PathEvent> : fmt::formatter<std::string_view> {
  template <typename Context>
  auto format(const hallway::PathEvent& event, Context& context) const {
    return fmt::formatter<std::string_view>::format(to_string(event), context);
  }
};
