// SPDX-License-Identifier: Apache-2.0
//
// Counts the messages that a link misses between two connections. A link that has lost its
// connection reconnects, and the hub then reports how many messages it did not receive. Each
// message that was confirmed to its publisher is therefore either forwarded by the link or counted
// as lost.
//
// In its CONNECT, a link reports how many of the messages handed to it before it has received.
// Pure: callers pass the time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hallway/loop.hpp>

namespace hallway::hub {

class AbsentLinks {
 public:
  using Time = Loop::Clock::time_point;

  /// Maximum number of absent links that are remembered, and for how long.
  static constexpr std::size_t most = 16;
  static constexpr Duration longest = std::chrono::minutes(1);

  /// The connection of a link has ended.
  /// @param handed    messages handed to it over this connection, or lost because it had no room
  /// @param subjects  the subjects of its subscriptions
  void leave(const std::string& id, std::uint64_t handed, std::vector<std::string> subjects,
             Time now);

  /// A message was published, and has been delivered to the links that are connected.
  void publish(std::string_view subject, Time now);

  /// A link that has never been connected is expected. Its id is not known yet: the first link with
  /// a new id is taken for it.
  void expect(std::vector<std::string> subjects, Time now) {
    leave({}, 0, std::move(subjects), now);
  }

  /// A link has reconnected, or the expected one has connected.
  /// @param seen  how many of the messages handed to it before it has received
  void reconnect(const std::string& id, std::uint64_t seen);
  /// The link is subscribed to this subject again, and no longer misses messages to it.
  void subscribe(const std::string& id, std::string_view subject);
  /// Whether the link is subscribed again to everything it was subscribed to before.
  [[nodiscard]] bool is_complete(const std::string& id) const;
  /// Forgets the link, which misses no more messages from now on.
  /// @return how many messages it missed
  std::uint64_t settle(const std::string& id);

  [[nodiscard]] bool empty() const noexcept { return absent_.empty(); }

 private:
  struct Absent {
    std::uint64_t handed = 0;  // messages that it may or may not have received
    std::uint64_t missed = 0;
    std::vector<std::string> subjects;
    Time since;
  };

  std::map<std::string, Absent, std::less<>> absent_;
};

}  // namespace hallway::hub
