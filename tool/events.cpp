// SPDX-License-Identifier: Apache-2.0
#include "events.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include <hallway/bytes.hpp>

#include "escape.hpp"
#include "values.hpp"

namespace hallway::tool {

namespace {

/// Of a message shown with -v; -vv shows it whole.
constexpr std::size_t excerpt_size = 64;

spdlog::color_mode colours() {
  const char* no_color = std::getenv("NO_COLOR");
  const bool unwanted = no_color != nullptr && *no_color != '\0';
  return unwanted ? spdlog::color_mode::never : spdlog::color_mode::automatic;
}

std::shared_ptr<spdlog::logger> logger_on_stderr(bool json) {
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>(colours());
  auto log = std::make_shared<spdlog::logger>("hallway", std::move(sink));
  const std::string name = printable(program_invocation_short_name);
  log->set_pattern(json ? "%v" : fmt::format("%^[{} (%P)]%$ %v", name));
  return log;
}

std::string now_in_utc() {
  const auto now =
      std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto milliseconds = now.time_since_epoch().count() % 1000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(now)), milliseconds);
}

std::string json_event(std::string_view name, std::uint64_t connection,
                       const nlohmann::ordered_json& fields) {
  nlohmann::ordered_json object{{"event", name},
                                {"time", now_in_utc()},
                                {"process", printable(program_invocation_short_name)},
                                {"pid", getpid()}};
  if (connection != 0) object["connection"] = connection;
  object.update(fields);
  return object.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

Events::Events(Wordiness wordiness)
    : wordiness_(wordiness), log_(logger_on_stderr(wordiness.json)) {}

bool Events::tells(Level level) const noexcept {
  return std::to_underlying(level) <= wordiness_.verbosity;
}

void Events::tell(Level level, std::string_view name, std::uint64_t connection,
                  std::string_view words) {
  tell(level, name, connection, words, nlohmann::ordered_json::object());
}

void Events::tell(Level level, std::string_view name, std::uint64_t connection,
                  std::string_view words, const nlohmann::ordered_json& fields) {
  if (!tells(level)) return;
  if (wordiness_.json) {
    log_->info("{}", json_event(name, connection, fields));
    return;
  }
  std::string line = connection != 0 ? fmt::format("connection {}: ", connection) : std::string();
  line += name;
  if (!words.empty()) line += fmt::format(": {}", printable(words));
  log_->info("{}", line);
}

void Events::message(std::string_view direction, std::uint64_t connection, std::string_view bytes) {
  if (!tells(Level::detail)) return;
  const std::size_t most = wordiness_.verbosity > 1 ? bytes.size() : excerpt_size;
  const std::string shown = excerpt(bytes, most);
  tell(Level::detail, direction, connection, counted(bytes.size(), "byte") + ": " + shown,
       {{"bytes", bytes.size()}, {"data", shown}});
}

void Events::error(std::string_view name, std::uint64_t connection, const Error& error) {
  const std::string why = error.explain();
  tell(Level::usual, name, connection, why, {{"why", printable(why)}});
}

nlohmann::ordered_json json_of(const Peer& peer) {
  return {{"pid", peer.pid},
          {"uid", peer.uid},
          {"gid", peer.gid},
          {"process", printable(peer.process_name())}};
}

}  // namespace hallway::tool
