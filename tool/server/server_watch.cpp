// SPDX-License-Identifier: Apache-2.0
#include "server/server_watch.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "io/report.hpp"
#include "io/values.hpp"

namespace hallway::tool {

namespace {

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

void log_lost(Events& events, const Address& path, const std::string& why) {
  events.log(Events::Level::usual, "path lost", 0, path.to_string() + ": " + why,
             {{"address", path.unescaped()}, {"reason", why}});
}

void log_regained(Events& events, const Address& path) {
  events.log(Events::Level::usual, "path regained", 0, path.to_string(),
             {{"address", path.unescaped()}});
}

void log(Events& events, const ServerEvent& event) {
  using Kind = ServerEvent::Kind;
  const auto usual = [&](const char* name, const std::string& words,
                         const nlohmann::ordered_json& fields) {
    events.log(Events::Level::usual, name, event.connection, words, fields);
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
    case Kind::path_lost: return log_lost(events, event.path, event.reason);
    case Kind::path_regained: return log_regained(events, event.path);
    case Kind::taken_over:
      return usual("taken over", event.reason, {{"peer", tool::json_of(event.peer)}});
  }
}

}  // namespace

void ServerWatch::follow(const ServerEvent& event, bool should_log) {
  using Kind = ServerEvent::Kind;
  // First, because the rest may run out of memory.
  if (event.kind == Kind::connected) memory_.connected();
  if (event.kind == Kind::closed) memory_.closed();
  run_->changed();
  if (should_log) log(*events_, event);
  // The server drains by itself; draining the loop gives it a time limit.
  if (event.kind == Kind::taken_over) {
    run_->handed_over(event.peer.pid);
    loop_->drain();
  }
  if (event.kind == Kind::path_lost) lose(event.path, event.reason);
}

void ServerWatch::follow(const PathEvent& event) {
  if (event.kind == PathEvent::Kind::regained) return log_regained(*events_, event.path);
  log_lost(*events_, event.path, event.reason);
  lose(event.path, event.reason);
}

int ServerWatch::status_of_end(int status, std::string_view verb) const {
  if (!lost_) return status;
  return fail(
      error_of(std::errc::no_such_file_or_directory, verb, lost_->path.unescaped(), lost_->why));
}

void ServerWatch::lose(const Address& path, const std::string& why) {
  if (on_path_lost_ != PathLost::drain) return;
  if (!lost_) lost_ = {path, why};
  loop_->drain();
}

}  // namespace hallway::tool
