// SPDX-License-Identifier: Apache-2.0
//
// How `hallway serve` handles a message of any socket type: print it, answer it, notice the word
// that stops the server.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <hallway/loop.hpp>
#include <hallway/task.hpp>

#include "io/events.hpp"
#include "io/handler.hpp"
#include "io/output.hpp"
#include "serve/serve_flags.hpp"

namespace hallway::tool {

/// The path for the answers to one message.
class ReplyPath {
 public:
  /// Sends a reply.
  /// @return false if nothing more can be sent
  virtual Task<bool> reply(std::string_view bytes) = 0;

  /// The number of the connection; 0 for datagrams.
  [[nodiscard]] virtual std::uint64_t number() const = 0;

 protected:
  ~ReplyPath() = default;
};

/// The result of answering one message.
struct Answered {
  bool any = false;       ///< a reply was sent or attempted
  bool can_go_on = true;  ///< more replies can be sent
};

class Answering {
 public:
  Answering(Loop& loop, const ServeFlags& flags, Events& events, Output& output);

  /// Logs the message with -v and prints it, unless --no-print.
  Task<> print(std::string_view message, std::uint64_t connection);

  /// Sends the replies that the flags ask for, --ack last. `message` is borrowed until the task
  /// ends.
  Task<Answered> answer(std::string_view message, ReplyPath& path);

  /// Drains the loop if the message is the stop word.
  void drain_on_stop_word(std::string_view message);

 private:
  Task<Answered> reply(std::string_view message, ReplyPath& path);
  Task<Answered> reply_of_handler(std::string_view message, ReplyPath& path);

  Loop* loop_;
  const ServeFlags* flags_;
  Events* events_;
  Output* output_;
  std::optional<Handler> handler_;
};

}  // namespace hallway::tool
