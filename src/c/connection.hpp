// SPDX-License-Identifier: Apache-2.0
//
// A connection of the C interface: a Connection, and the task that receives from it and calls
// functions of the program. The task awaits a message, keeps it for the next hallway_receive(), and
// calls on_readable; what is buffered behind the message is taken without the task.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <hallway.h>
#include <hallway/connection.hpp>
#include <hallway/message.hpp>
#include <hallway/task.hpp>

#include "c/handle.hpp"
#include "c/loop.hpp"

/// Owned by the task that runs run(). It is destroyed where that task ends, and then calls
/// on_closed.
struct hallway_connection : hallway::c::Handle {
  /// What hallway_send() and the like may do.
  enum class Sending : std::uint8_t {
    open,
    waiting,  // a message with descriptors waits for room; later ones wait behind it
    over,     // the task was destroyed: nothing more may be queued
  };

  hallway_connection(hallway_loop& on, hallway::Connection made, std::size_t soft, void* argument)
      : loop(&on), connection(std::move(made)), outbound_soft(soft), user(argument) {}
  ~hallway_connection();

  /// Receives until the connection ends.
  hallway::Task<> run();
  void close(bool at_once) noexcept;
  void resume() noexcept;
  /// A send found no room: on_writable is called when there is some.
  void await_room();
  [[nodiscard]] bool ended() const noexcept { return sending == Sending::over; }

  hallway_loop* loop;
  hallway::Connection connection;
  hallway::Message first;    // received by the task and not taken by the program
  hallway::Message current;  // whose descriptors the program may take
  bool has_first = false;
  bool has_more = false;   // messages may be buffered behind the last one
  bool taken = false;      // the program has taken a message since on_readable was called
  bool paused = false;     // by the program
  bool closing = false;    // by the program
  bool completed = false;  // run() knows how it ended
  bool awaits_room = false;
  bool broadcasts = false;         // a broadcast waits
  bool refused_broadcast = false;  // another one was refused meanwhile
  Sending sending = Sending::open;
  std::size_t outbound_soft;

  void* user;
  hallway_connection_callback on_readable = nullptr;
  hallway_connection_callback on_writable = nullptr;
  hallway_connection_callback on_end = nullptr;
  hallway_closed_callback on_closed = nullptr;
  hallway_connection** handle_of_child = nullptr;  // set to null at the end

  hallway::c::Ending ending{HALLWAY_CLOSED};
  hallway::c::Ending* sent = nullptr;  // where hallway_send_descriptors() waits for its result
  std::string address;                 // once the program has asked for it
  hallway::c::Gate gate;
  hallway::c::Tasks tasks;  // last: they use all above

 private:
  void receive(const hallway::Message& message) noexcept;
};

namespace hallway::c {

/// Runs a connection from the next turn on, so that the program can set its callbacks before.
Task<> run_later(std::unique_ptr<hallway_connection> connection);

/// Makes a handle, and a task on the loop that owns it.
hallway_connection* start(hallway_loop& loop, Connection connection, std::size_t outbound_soft,
                          void* user);

}  // namespace hallway::c
