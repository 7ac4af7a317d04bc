// SPDX-License-Identifier: Apache-2.0
//
// Connecting without waiting: the part that the loop's connect and the blocking one share.
#pragma once

#include <memory>
#include <optional>

#include <hallway/connection.hpp>
#include <hallway/deadline.hpp>

#include "core/backoff.hpp"
#include "message/connection/connection_core.hpp"

namespace hallway::message {

/// A connected and checked socket, its peer and its configuration.
struct Connected {
  Descriptor socket;
  Peer peer;
  std::shared_ptr<const detail::ConnectionConfig> config;
};

/// One connect until its deadlines. Call attempt(); while that returns nullopt, wait for pause()
/// and call it again. The kernel has no event for a backlog that has room again (until then it
/// reports EAGAIN), nor for a server that starts.
class Connecting {
 public:
  Connecting(const AddressSpec& address, const ConnectOptions& options);

  /// @errors as Connection::connect(), timed_out included
  Result<std::optional<Connected>> attempt();

  /// How long to wait before the next attempt. Grows each time and has jitter, so that many clients
  /// of one busy server do not return together.
  Duration pause();

  /// The error if an Interrupt ends the pause.
  [[nodiscard]] std::unexpected<Error> interrupted() const;
  /// The error if the loop drains during the pause.
  [[nodiscard]] std::unexpected<Error> canceled() const;

 private:
  [[nodiscard]] Result<void> require_server(const Peer& peer) const;
  [[nodiscard]] Result<void> require_trusted(const Peer& peer) const;
  Result<std::optional<Connected>> await_server(Error error);

  Result<Address> address_;
  ConnectOptions options_;
  Deadline accepted_by_;    // of this attempt, while the backlog is full
  Deadline retried_until_;  // while no server listens
  core::Backoff pauses_when_full_;
  core::Backoff pauses_when_absent_;
  bool absent_ = false;  // the last attempt found no server
};

/// Adopts a socket that is already connected.
Result<Connected> adopt_connected(Descriptor socket, ConnectionOptions options);

}  // namespace hallway::message
