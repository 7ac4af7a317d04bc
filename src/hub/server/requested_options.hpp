// SPDX-License-Identifier: Apache-2.0
//
// The options that a client sends in CONNECT, and what the hub sends in INFO.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include <hallway/bytes.hpp>
#include <hallway/hub_rules.hpp>

namespace hallway::hub {

/// The defaults are those of nats-server. They suit a person at a terminal, before any CONNECT.
struct RequestedOptions {
  bool verbose = true;   ///< each operation is answered with +OK
  bool pedantic = true;  ///< the subjects of messages are validated
  bool echo = true;      ///< the client receives its own messages
  bool headers = false;
  bool no_responders = false;  ///< a request without subscribers is answered with status 503
  std::int64_t protocol = 0;
  std::optional<OverflowPolicy> overflow = {};  ///< for its subscriptions that no rule applies to
  bool unknown_policy = false;  ///< the client named one that the hub does not support
  std::int64_t seen = 0;        ///< messages that a link received over its last connection
  std::string link = {};        ///< the id of a link, which forwards others' messages; else empty
  bool publishers = false;      ///< a link receives the uid of the publisher of each message

  /// These options, changed by those in a CONNECT. Options that it does not contain keep their
  /// values. Names are compared without regard to case.
  /// @errors the text to send to the client, if CONNECT does not contain a JSON object, or a member
  ///         has the wrong type
  [[nodiscard]] std::expected<RequestedOptions, std::string> with(std::string_view connect) const;

  /// Why the hub refuses these options: it sends this text to the client and ends the connection.
  /// Empty if it accepts them.
  [[nodiscard]] ByteView refusal() const noexcept;
};

/// What a hub reports about itself in INFO.
struct HubInfo {
  std::string server_id;
  std::string server_name;
  std::size_t max_payload = 0;
  std::size_t control_line = 0;

  /// Where a client reached the hub over TCP.
  struct TcpHost {
    std::string host;
    std::uint16_t port = 0;
  };

  /// Never lists other addresses (connect_urls), so no client leaves the address it was given.
  /// @param leaving  the hub drains: clients should connect to another one
  /// @param at       nullopt on a Unix socket, which has neither host nor port
  [[nodiscard]] std::string to_json(std::uint64_t client, bool leaving,
                                    const std::optional<TcpHost>& at = std::nullopt) const;
};

}  // namespace hallway::hub
