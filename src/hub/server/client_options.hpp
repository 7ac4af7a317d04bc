// SPDX-License-Identifier: Apache-2.0
//
// What a client asks for in its CONNECT, and what it is told in INFO.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include <hallway/bytes.hpp>
#include <hallway/hub_rules.hpp>

namespace hallway::hub {

/// As nats-server has them: what a client did not say yet makes life easy for a person who types.
struct ClientOptions {
  bool verbose = true;   ///< each operation is answered with +OK
  bool pedantic = true;  ///< subjects of messages are looked at
  bool echo = true;      ///< it gets its own messages
  bool headers = false;
  bool no_responders = false;  ///< it wants to hear that nobody listens
  std::int64_t protocol = 0;
  std::optional<DeliveryPolicy> full = {};  ///< of its subscriptions, where no rule says more
  bool unknown_policy = false;              ///< it asked for one, and there is none of that name
  std::int64_t seen = 0;  ///< by a link, of the messages it was given over its last connection
  std::string link = {};  ///< its id, where it passes on what others publish, here and elsewhere

  /// These, and on top of them what a CONNECT says. What it does not mention stays, and names count
  /// in any case. The error is what the client is told: it is not a JSON object, or a member is not
  /// of its type.
  [[nodiscard]] std::expected<ClientOptions, std::string> with(std::string_view connect) const;

  /// Why a client cannot have them: it is told so, and the connection ends. Empty: it can.
  [[nodiscard]] ByteView refusal() const noexcept;
};

/// What INFO says of a hub.
struct HubInfo {
  std::string server_id;
  std::string server_name;
  std::size_t max_payload = 0;
  std::size_t control_line = 0;

  /// @param leaving  the hub drains: clients should look for another one
  [[nodiscard]] std::string to_json(std::uint64_t client, bool leaving) const;
};

}  // namespace hallway::hub
