// SPDX-License-Identifier: Apache-2.0
//
// Answers to datagram clients whose queues are full. They wait here, so that other clients do not.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <hallway/address.hpp>
#include <hallway/datagram_socket.hpp>
#include <hallway/limits.hpp>
#include <hallway/task.hpp>

#include "io/events.hpp"
#include "io/scoped_task.hpp"

namespace hallway::tool {

class WaitingAnswers {
 public:
  /// @param patience  how long one answer waits
  /// @param on_empty  called whenever no answer waits any longer
  WaitingAnswers(DatagramSocket& socket, Events& events, Duration patience,
                 std::function<void()> on_empty)
      : socket_(&socket), events_(&events), patience_(patience), on_empty_(std::move(on_empty)) {}
  WaitingAnswers(const WaitingAnswers&) = delete;
  WaitingAnswers& operator=(const WaitingAnswers&) = delete;

  /// Sends the answer now, or queues it in order behind others to the same client.
  /// @return false if it cannot be sent, or too many already wait; the reason has been logged
  Task<bool> send(const ReturnAddress& client, std::string_view answer);

  [[nodiscard]] bool empty() const noexcept { return waiting_ == 0; }

 private:
  struct Line {
    std::deque<std::string> answers;
    std::optional<ScopedTask> sending;
  };

  bool join(const ReturnAddress& client, Line& line, std::string_view answer);
  ScopedTask send_in_turn(ReturnAddress client, Line& line);
  void give_up(const Error& error, Line& line);

  DatagramSocket* socket_;
  Events* events_;
  Duration patience_;
  std::function<void()> on_empty_;
  std::map<std::string, Line> lines_;  // by the client's address, user and process
  std::size_t waiting_ = 0;            // in all lines
};

}  // namespace hallway::tool
