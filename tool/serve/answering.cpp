// SPDX-License-Identifier: Apache-2.0
#include "serve/answering.hpp"

namespace hallway::tool {

Answering::Answering(Loop& loop, const ServeFlags& flags, Events& events, Output& output)
    : loop_(&loop), flags_(&flags), events_(&events), output_(&output) {
  const HandlerFlags& handler = flags.answer.handler;
  if (!handler.command) return;
  handler_.emplace(loop, *handler.command, handler.limits(flags.wire.max_message));
}

Task<> Answering::print(std::string_view message, std::uint64_t connection) {
  events_->message("received", connection, message);
  if (!flags_->print) co_return;
  output_->write(flags_->verbosity.json ? json_line(message, connection)
                                        : printed_line(message, output_->is_terminal()));
  co_await output_->room();
}

Task<Answered> Answering::answer(std::string_view message, ReplyPath& path) {
  Answered answered = co_await reply(message, path);
  if (flags_->answer.ack && answered.can_go_on) {
    // The acknowledgment means that the message was handled, which includes that it was printed. A
    // message that could not be printed is not acknowledged; the server drains, and the client sees
    // the end of the connection.
    if (flags_->print) answered.can_go_on = co_await output_->written();
    if (!answered.can_go_on) co_return answered;
    answered.any = true;
    answered.can_go_on = co_await path.reply(*flags_->answer.ack);
  }
  co_return answered;
}

Task<Answered> Answering::reply(std::string_view message, ReplyPath& path) {
  if (const std::string* promised = flags_->answer.reply_to(message)) {
    const bool sent = co_await path.reply(*promised);
    co_return Answered{.any = true, .can_go_on = sent};
  }
  if (flags_->answer.echo) {
    const bool sent = co_await path.reply(message);
    co_return Answered{.any = true, .can_go_on = sent};
  }
  if (handler_) co_return co_await reply_of_handler(message, path);
  co_return Answered{};
}

Task<Answered> Answering::reply_of_handler(std::string_view message, ReplyPath& path) {
  const auto printed = co_await handler_->answer(message);
  if (!printed) {
    events_->error("handler failed", path.number(), printed.error());
    co_return Answered{};
  }
  if (!*printed) co_return Answered{};
  const bool sent = co_await path.reply(**printed);
  co_return Answered{.any = true, .can_go_on = sent};
}

void Answering::drain_on_stop_word(std::string_view message) {
  if (flags_->stops_server(message)) loop_->drain();
}

}  // namespace hallway::tool
