// SPDX-License-Identifier: Apache-2.0
//
// Answers to datagram clients whose queues are full. They wait here, so that nobody else does.
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
  /// @param on_empty  called whenever none waits any more
  WaitingAnswers(DatagramSocket& socket, Events& events, Duration patience,
                 std::function<void()> on_empty)
      : socket_(&socket), events_(&events), patience_(patience), on_empty_(std::move(on_empty)) {}
  WaitingAnswers(const WaitingAnswers&) = delete;
  WaitingAnswers& operator=(const WaitingAnswers&) = delete;

  /// Sends it now, or lets it wait: behind others to the same client, in order. False: it cannot
  /// be sent, or too many wait already; that was told.
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
