// SPDX-License-Identifier: Apache-2.0
//
// What links miss between two connections: a link whose connection was cut comes back, and is told
// how many messages it did not get. So each message that a publisher was confirmed is one that the
// link passed on, or one that it counts as lost.
//
// A link says in its CONNECT how many messages it saw of those that it was given before. Pure: it
// is told the time.
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

  /// Links that are remembered, and for how long.
  static constexpr std::size_t most = 16;
  static constexpr Duration longest = std::chrono::minutes(1);

  /// Its connection has ended.
  /// @param handed    messages it was given over this connection, or lost for want of room
  /// @param subjects  what it was subscribed to
  void leave(const std::string& id, std::uint64_t handed, std::vector<std::string> subjects,
             Time now);

  /// A message was published, and has been delivered to the links that are connected.
  void publish(std::string_view subject, Time now);

  /// One that was never here is to come, under an id that nobody knows yet: the first new one is
  /// it.
  void expect(std::vector<std::string> subjects, Time now) {
    leave({}, 0, std::move(subjects), now);
  }

  /// It is here again, or the one that was expected. @param seen  of the messages it was handed
  /// before
  void come_back(const std::string& id, std::uint64_t seen);
  /// It gets this from now on.
  void subscribe(const std::string& id, std::string_view subject);
  /// Whether it is here, and subscribed again to everything it had.
  [[nodiscard]] bool is_complete(const std::string& id) const;
  /// It gets everything from now on. @return how many messages it missed
  std::uint64_t settle(const std::string& id);

  [[nodiscard]] bool empty() const noexcept { return absent_.empty(); }

 private:
  struct Absent {
    std::uint64_t handed = 0;  // of which nobody knows yet whether it saw them
    std::uint64_t missed = 0;
    std::vector<std::string> subjects;
    Time since;
  };

  std::map<std::string, Absent, std::less<>> absent_;
};

}  // namespace hallway::hub
