// SPDX-License-Identifier: Apache-2.0
// Layer: hub
//
// The URL of a NATS server, as a link takes it:
//
//     nats://HOST[:PORT]                 port 4222 unless said
//     tls://USER:PASSWORD@HOST:PORT      or TOKEN@HOST
//
// HOST is a name, an IPv4 address, or an IPv6 address in brackets. What stands before the @ is
// percent-encoded (RFC 3986): p@ss is written p%40ss. One URL names one server.
// Thread: any.
#pragma once

#include <cstdint>
#include <string>

#include <hallway/bytes.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>

namespace hallway {

struct HALLWAY_EXPORT ServerUrl {
  static constexpr std::uint16_t default_port = 4222;

  bool tls = false;
  std::string user = {};      ///< decoded; without a password it is a token
  std::string password = {};  ///< decoded
  std::string host = {};      ///< without brackets
  std::uint16_t port = default_port;

  /// @errors invalid_argument: no server can have that URL. `subject` is the text without what
  ///         stands before the @, which may be a secret.
  static Result<ServerUrl> parse(ByteView text);

  /// Without user and password.
  [[nodiscard]] std::string to_string() const;

  /// As libnats takes it: user and password as they are, which are a secret.
  [[nodiscard]] std::string with_secrets() const;

  /// A URL, valid or not, without what stands before the @.
  [[nodiscard]] static std::string without_secrets(ByteView url);
};

}  // namespace hallway
