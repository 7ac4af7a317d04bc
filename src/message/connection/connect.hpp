// SPDX-License-Identifier: Apache-2.0
//
// Connecting, without the waiting: what the loop's connect and the blocking one share.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include <hallway/connection.hpp>

#include "message/connection/connection_core.hpp"

namespace hallway::message {

/// A connected socket, checked, and what is known of it.
struct Connected {
  Descriptor socket;
  Peer peer;
  std::shared_ptr<const detail::ConnectionConfig> config;
};

/// One connect until its deadline. attempt(), and as long as that gives nothing, wait pause() and
/// attempt again: a full backlog says EAGAIN, and no event follows when there is room.
class Connecting {
 public:
  Connecting(const AddressSpec& address, const ConnectOptions& options);

  /// @errors as Connection::connect(), timed_out included
  Result<std::optional<Connected>> attempt();

  /// How long to wait now: longer each time, with jitter, so that many clients of one busy
  /// server do not come back together.
  Duration pause();

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] Result<void> require_server(const Peer& peer) const;

  Result<Address> address_;
  ConnectOptions options_;
  Clock::time_point deadline_;
  Duration next_pause_;
};

/// Adopts a socket that is connected already.
Result<Connected> adopt_connected(Descriptor socket, ConnectionOptions options);

}  // namespace hallway::message
