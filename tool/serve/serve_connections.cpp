// SPDX-License-Identifier: Apache-2.0
#include "serve/serve_connections.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include <hallway/connection.hpp>
#include <hallway/server.hpp>

#include "io/report.hpp"
#include "io/values.hpp"
#include "serve/answering.hpp"
#include "serve/program.hpp"
#include "server/ready.hpp"
#include "server/server_sandbox.hpp"
#include "server/server_watch.hpp"

namespace hallway::tool {

namespace {

/// Sends replies on a connection, each after its size if --sized is given.
class ConnectionReplies final : public ReplyPath {
 public:
  ConnectionReplies(Connection& connection, Events& events, bool sized)
      : connection_(&connection), events_(&events), sized_(sized) {}

  Task<bool> reply(std::string_view bytes) override {
    bool can_go_on = true;
    if (sized_ && connection_->type() == SocketType::seqpacket) {
      can_go_on = co_await send_size(bytes.size());
    }
    if (can_go_on) can_go_on = co_await send(bytes);
    if (can_go_on) events_->message("sent", number(), bytes);
    co_return can_go_on;
  }

  [[nodiscard]] std::uint64_t number() const override { return connection_->number(); }

 private:
  Task<bool> send_size(std::size_t size) {
    const auto number = static_cast<std::int32_t>(size);
    char packet[sizeof number];
    std::memcpy(packet, &number, sizeof number);
    co_return co_await send({packet, sizeof packet});
  }

  Task<bool> send(std::string_view bytes) {
    const Sent sent = co_await connection_->send(bytes);
    // A client that does not wait for its answer is not an error.
    if (sent.outcome() == Outcome::failed) events_->error("not answered", number(), sent.error());
    co_return static_cast<bool>(sent);
  }

  Connection* connection_;
  Events* events_;
  bool sized_;
};

/// Receives and answers the messages of each client.
class Service {
 public:
  Service(Loop& loop, const ServeFlags& flags, Events& events, Output& output)
      : flags_(&flags), events_(&events), answering_(loop, flags, events, output) {}

  Task<> serve(Connection connection) {
    const bool sized = flags_->answer.sized;
    if (sized && connection.type() == SocketType::stream) {
      connection.set_framing(flags_->wire.framing, Framing::len32());
    }
    ConnectionReplies replies(connection, *events_, sized);
    for (;;) {
      Received received = co_await connection.receive();
      if (!received) break;
      const bool goes_on = co_await treat(*received, connection, replies);
      if (!goes_on) break;
    }
  }

 private:
  /// @return whether to receive the next message
  Task<bool> treat(std::string_view message, Connection& connection, ConnectionReplies& replies) {
    if (flags_->ends_connection(message)) {
      answering_.drain_on_stop_word(message);
      co_return false;
    }
    co_await answering_.print(message, connection.number());
    const Answered answered = co_await answering_.answer(message, replies);
    if (flags_->answer.broadcast) co_await connection.broadcast(message);
    answering_.drain_on_stop_word(message);
    co_return answered.can_go_on && !(answered.any && flags_->answer.hangup);
  }

  const ServeFlags* flags_;
  Events* events_;
  Answering answering_;
};

PathLost path_lost_of(const Listening& listening) {
  return listening.on_path_lost.value_or(PathLost::report);
}

ServerOptions options_of(Loop& loop, const ServeFlags& flags, ServerWatch& watch) {
  const Listening& listening = flags.listening;
  ServerOptions options{.type = flags.wire.type,
                        .file = {.mode = listening.mode.value_or(defaults::mode),
                                 .owner = listening.owner.value_or(""),
                                 .group = listening.group.value_or("")},
                        .allow = listening.allow,
                        .connection = {.framing = flags.wire.framing,
                                       .limits = flags.limits(),
                                       .overflow = flags.overflow},
                        .server_limits = flags.server_limits,
                        .on_path_lost = path_lost_of(listening),
                        .takeover = listening.takeover};
  if (flags.once) options.server_limits.max_connections = 1;
  const bool has_program = !flags.program.empty();
  options.on_event = [&loop, &watch, has_program, once = flags.once](const ServerEvent& event) {
    const bool pausing = event.kind == ServerEvent::Kind::accepting_paused ||
                         event.kind == ServerEvent::Kind::accepting_resumed;
    const bool closed = event.kind == ServerEvent::Kind::closed;
    // When a connection is passed to a program, it has only begun.
    const bool given_away = closed && has_program;
    watch.follow(event, !(once && pausing) && !given_away);
    if (once && closed && !given_away) loop.stop(exit_status::done);
  };
  return options;
}

void log_listening(Events& events, const Server& server, const ServeFlags& flags) {
  const std::string address = server.address().unescaped();
  const auto type = to_string(flags.wire.type);
  const bool framed = flags.wire.type == SocketType::stream && flags.program.empty();
  const std::string framing = framed ? flags.wire.framing.to_string() : "";
  events.log(Events::Level::usual, "listening", 0,
             fmt::format("{} ({}{}{})", address, type, framed ? ", framing " : "", framing),
             {{"address", address}, {"type", type}, {"framing", framing}});
}

Task<> serve_by(ProgramPerConnection& programs, Connection connection, Loop& loop, ServerRun& run,
                bool once) {
  co_await programs.serve(std::move(connection));
  run.changed();
  if (once) loop.stop(exit_status::done);
}

}  // namespace

int serve_connections(Loop& loop, const ServeFlags& flags, Events& events, Output& output) {
  Service service(loop, flags, events, output);
  ProgramPerConnection programs(loop, events, flags.program);
  ServerRun run(loop, events, flags.address.unescaped());
  ConnectionHandler handler = [&](Connection connection) {
    return flags.program.empty() ? service.serve(std::move(connection))
                                 : serve_by(programs, std::move(connection), loop, run, flags.once);
  };
  ServerWatch watch(loop, events, run, path_lost_of(flags.listening));
  auto server =
      Server::open(loop, flags.address, std::move(handler), options_of(loop, flags, watch));
  if (!server) return fail(server.error());
  run.on_reload([&server, rules = flags.listening.allow]() -> ServerRun::Apply {
    return [&server, allow = resolved(rules)]() -> Result<std::string> {
      if (!allow) return std::unexpected(allow.error());
      if (auto set = server->set_allow(*allow); !set) return std::unexpected(set.error());
      return counted(allow->size(), "rule");
    };
  });
  if (auto claimed = run.claim_signals(); !claimed) return fail(claimed.error());
  run.on_status([&] {
    return counted(server->connections(), "connection") + (loop.draining() ? ", draining" : "");
  });
  enter_sandbox(events, flags.sandbox_needs(), &output);
  log_listening(events, *server, flags);
  return watch.status_of_end(run.run(flags.listening.ready_fd, flags.listening.takeover), "serve");
}

}  // namespace hallway::tool
