// SPDX-License-Identifier: Apache-2.0
//
// Connecting without waiting: the part that the loop's connect and the blocking one share.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include <hallway/connection.hpp>

#include "message/connection/connection_core.hpp"

namespace hallway::message {

/// A connected and checked socket, its peer and its configuration.
struct Connected {
  Descriptor socket;
  Peer peer;
  std::shared_ptr<const detail::ConnectionConfig> config;
};

/// One connect until its deadline. Call attempt(); while that returns nullopt, wait for pause() and
/// call it again. For a full backlog the kernel reports EAGAIN, and there is no event when it has
/// room.
class Connecting {
 public:
  Connecting(const AddressSpec& address, const ConnectOptions& options);

  /// @errors as Connection::connect(), timed_out included
  Result<std::optional<Connected>> attempt();

  /// How long to wait before the next attempt. Grows each time and has jitter, so that many clients
  /// of one busy server do not return together.
  Duration pause();

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] Result<void> require_server(const Peer& peer) const;

  Result<Address> address_;
  ConnectOptions options_;
  Clock::time_point deadline_;
  Duration next_pause_;
};

/// Adopts a socket that is already connected.
Result<Connected> adopt_connected(Descriptor socket, ConnectionOptions options);

}  // namespace hallway::message
