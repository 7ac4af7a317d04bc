// SPDX-License-Identifier: Apache-2.0
#include "serve_connections.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include <hallway/connection.hpp>
#include <hallway/server.hpp>

#include "answering.hpp"
#include "program.hpp"
#include "ready.hpp"
#include "report.hpp"
#include "spare_memory.hpp"
#include "values.hpp"

namespace hallway::tool {

namespace {

/// Replies on a connection, with their sizes before them if asked for.
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
    // A client that does not wait for its answer is no failure.
    if (sent.outcome() == Outcome::failed) events_->error("not answered", number(), sent.error());
    co_return static_cast<bool>(sent);
  }

  Connection* connection_;
  Events* events_;
  bool sized_;
};

/// The conversation with each client.
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
      if (!usable(received, connection)) break;
      const bool goes_on = co_await treat(*received, connection, replies);
      if (!goes_on) break;
    }
  }

 private:
  bool usable(const Received& received, const Connection& connection) {
    // Descriptors that came along were refused; the message itself is whole.
    if (received.outcome() != Outcome::truncated) return static_cast<bool>(received);
    events_->error("descriptors refused", connection.number(), received.error());
    return true;
  }

  /// Whether the conversation goes on.
  Task<bool> treat(std::string_view message, Connection& connection, ConnectionReplies& replies) {
    if (flags_->ends_connection(message)) {
      answering_.stop_if_told(message);
      co_return false;
    }
    co_await answering_.print(message, connection.number());
    const Answered answered = co_await answering_.answer(message, replies);
    if (flags_->answer.broadcast) co_await connection.broadcast(message);
    answering_.stop_if_told(message);
    co_return answered.can_go_on && !(answered.any && flags_->answer.hangup);
  }

  const ServeFlags* flags_;
  Events* events_;
  Answering answering_;
};

std::string words_of(const Counters& counters) {
  std::string words =
      fmt::format("received {} ({}), sent {} ({})", counted(counters.messages_received, "message"),
                  counted(counters.bytes_received, "byte"), counters.messages_sent,
                  counted(counters.bytes_sent, "byte"));
  if (counters.dropped != 0) words += fmt::format(", dropped {}", counters.dropped);
  return words;
}

nlohmann::ordered_json json_of(const Counters& counters) {
  return {{"messages_received", counters.messages_received},
          {"bytes_received", counters.bytes_received},
          {"messages_sent", counters.messages_sent},
          {"bytes_sent", counters.bytes_sent},
          {"dropped", counters.dropped}};
}

void tell(Events& events, const ServerEvent& event) {
  using Kind = ServerEvent::Kind;
  const auto usual = [&](const char* name, const std::string& words,
                         const nlohmann::ordered_json& fields) {
    events.tell(Events::Level::usual, name, event.connection, words, fields);
  };
  switch (event.kind) {
    case Kind::connected:
      return usual("connected", event.peer.to_string(), {{"peer", tool::json_of(event.peer)}});
    case Kind::turned_away:
      return usual("turned away", event.peer.to_string() + ": " + event.reason,
                   {{"peer", tool::json_of(event.peer)}, {"reason", event.reason}});
    case Kind::closed:
      return usual("closed", event.reason + "; " + words_of(event.counters),
                   {{"reason", event.reason}, {"counters", json_of(event.counters)}});
    case Kind::accepting_paused:
      return usual("accepting paused", event.reason, {{"reason", event.reason}});
    case Kind::accepting_resumed: return usual("accepting resumed", event.reason, {});
    case Kind::handler_threw: return usual("failed", event.reason, {{"reason", event.reason}});
    case Kind::path_lost: return usual("path lost", event.reason, {{"reason", event.reason}});
    case Kind::path_regained: return usual("path regained", event.reason, {});
    case Kind::taken_over:
      return usual("taken over", event.reason, {{"peer", tool::json_of(event.peer)}});
  }
}

/// @param lost  gets why the path was lost, if the server has to end for that
ServerOptions options_of(Loop& loop, const ServeFlags& flags, Events& events, ServerRun& run,
                         SpareMemory& memory, std::optional<std::string>& lost) {
  ServerOptions options{.type = flags.wire.type,
                        .framing = flags.wire.framing,
                        .mode = flags.mode,
                        .owner = flags.owner,
                        .group = flags.group,
                        .allow = flags.allow,
                        .limits = flags.limits(),
                        .server_limits = flags.server_limits,
                        .full = flags.full,
                        .on_path_lost = flags.on_path_lost,
                        .takeover = flags.takeover};
  if (flags.once) options.server_limits.max_connections = 1;
  const bool has_program = !flags.program.empty();
  options.on_event = [&loop, &events, &run, &memory, &lost, has_program, once = flags.once,
                      on_path_lost = flags.on_path_lost](const ServerEvent& event) {
    // First, because what follows may find no memory.
    if (event.kind == ServerEvent::Kind::connected) memory.connected();
    if (event.kind == ServerEvent::Kind::closed) memory.closed();
    run.changed();
    const bool pausing = event.kind == ServerEvent::Kind::accepting_paused ||
                         event.kind == ServerEvent::Kind::accepting_resumed;
    const bool closed = event.kind == ServerEvent::Kind::closed;
    // Given to a program, a connection has only begun.
    const bool given_away = closed && has_program;
    if (!(once && pausing) && !given_away) tell(events, event);
    if (once && closed && !given_away) loop.stop(exit_status::done);
    // The server drains by itself; here it gets the time for that.
    if (event.kind == ServerEvent::Kind::taken_over) {
      run.handed_over(event.peer.pid);
      loop.drain();
    }
    if (event.kind == ServerEvent::Kind::path_lost && on_path_lost == PathLost::drain) {
      lost = event.reason;
      loop.drain();
    }
  };
  return options;
}

void tell_listening(Events& events, const Server& server, const ServeFlags& flags) {
  const std::string address = server.address().to_string();
  const auto type = to_string(flags.wire.type);
  const bool framed = flags.wire.type == SocketType::stream && flags.program.empty();
  const std::string framing = framed ? flags.wire.framing.to_string() : "";
  events.tell(Events::Level::usual, "listening", 0,
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
  ServerRun run(loop, events, flags.address.to_string());
  Server::Handler handler = [&](Connection connection) {
    return flags.program.empty() ? service.serve(std::move(connection))
                                 : serve_by(programs, std::move(connection), loop, run, flags.once);
  };
  SpareMemory memory(loop);
  std::optional<std::string> lost;
  auto server = Server::open(loop, flags.address, std::move(handler),
                             options_of(loop, flags, events, run, memory, lost));
  if (!server) return fail(server.error());
  if (auto claimed = run.claim_signals(); !claimed) return fail(claimed.error());
  run.on_status([&] {
    return counted(server->connections(), "connection") + (loop.draining() ? ", draining" : "");
  });
  run.on_reload([&]() -> Result<std::string> {
    if (auto set = server->set_allow(flags.allow); !set) return std::unexpected(set.error());
    return counted(flags.allow.size(), "rule");
  });
  tell_listening(events, *server, flags);
  const int status = run.run(flags.ready_fd, flags.takeover);
  if (!lost) return status;
  return fail(
      error_of(std::errc::no_such_file_or_directory, "serve", flags.address.to_string(), *lost));
}

}  // namespace hallway::tool
