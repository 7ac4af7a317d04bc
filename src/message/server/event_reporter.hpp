// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <new>
#include <string>
#include <utility>

#include <hallway/server_event.hpp>

namespace hallway::message {

/// Calls a function for each event, if there is one. An event for which there is no memory is lost.
class EventReporter {
 public:
  EventReporter() noexcept = default;
  explicit EventReporter(std::function<void(ServerEvent&&)> on_event) noexcept
      : on_event_(std::move(on_event)) {}

  /// Whether anyone is notified of events.
  explicit operator bool() const noexcept { return static_cast<bool>(on_event_); }

  void report(ServerEvent event) const noexcept {
    if (!on_event_) return;
    try {
      on_event_(std::move(event));
    } catch (const std::bad_alloc&) {
      // The program has no memory for this event.
    }
  }

  void report(ServerEvent::Kind kind, std::uint64_t connection, const Peer& peer,
              std::string reason = {}, const Counters& counters = {}) const noexcept {
    if (on_event_) report({kind, connection, peer, std::move(reason), counters});
  }

 private:
  std::function<void(ServerEvent&&)> on_event_;
};

}  // namespace hallway::message
