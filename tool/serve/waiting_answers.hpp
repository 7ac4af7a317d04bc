// SPDX-License-Identifier: Apache-2.0
//
// Answers to datagram clients whose queues are full. They wait here, so that other clients do not.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include <hallway/address.hpp>
#include <hallway/datagram_socket.hpp>
#include <hallway/limits.hpp>
#include <hallway/loop.hpp>
#include <hallway/task.hpp>
#include <hallway/task_handle.hpp>
#include <hallway/task_scope.hpp>

#include "io/events.hpp"

namespace hallway::tool {

class WaitingAnswers {
 public:
  /// @param patience  how long one answer waits
  WaitingAnswers(Loop& loop, DatagramSocket& socket, Events& events, Duration patience)
      : socket_(&socket), events_(&events), patience_(patience), sending_(loop) {}
  WaitingAnswers(const WaitingAnswers&) = delete;
  WaitingAnswers& operator=(const WaitingAnswers&) = delete;

  /// Sends the answer now, or queues it in order behind others to the same client.
  /// @return false if it cannot be sent, or too many already wait; the reason has been logged
  Task<bool> send(const ReturnAddress& client, std::string_view answer);

  /// Completes when no answer waits.
  [[nodiscard]] TaskScope::Join all_sent() noexcept { return sending_.join(); }

 private:
  struct Line {
    std::deque<std::string> answers;
    TaskHandle sending;
  };

  bool join(const ReturnAddress& client, Line& line, std::string_view answer);
  Task<> send_in_turn(ReturnAddress client, Line& line);
  void give_up(const Error& error, Line& line);

  DatagramSocket* socket_;
  Events* events_;
  Duration patience_;
  std::map<std::string, Line> lines_;  // by the client's address, user and process
  std::size_t waiting_ = 0;            // in all lines
  TaskScope sending_;
};

}  // namespace hallway::tool
