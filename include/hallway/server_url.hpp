// SPDX-License-Identifier: Apache-2.0
// Layer: hub
//
// The URL of a NATS server, for a link:
//
//     nats://HOST[:PORT]                 default port 4222
//     tls://USER:PASSWORD@HOST:PORT      or TOKEN@HOST
//
// HOST is a name, an IPv4 address, or an IPv6 address in brackets. The part before the @ is
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

  /// @errors invalid_argument: not a valid URL of a server. `subject` is the text without the part
  ///         before the @, which may be a secret.
  static Result<ServerUrl> parse(ByteView text);

  /// Without user and password.
  [[nodiscard]] std::string to_string() const;

  /// In libnats's form, with user and password in clear text: treat it as a secret.
  [[nodiscard]] std::string with_secrets() const;

  /// A URL, valid or not, without the part before the @.
  [[nodiscard]] static std::string without_secrets(ByteView url);
};

}  // namespace hallway
