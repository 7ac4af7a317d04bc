// SPDX-License-Identifier: Apache-2.0
#include "io/events.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/details/os.h>
#include <spdlog/pattern_formatter.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include <hallway/bytes.hpp>

#include "io/escape.hpp"
#include "io/event_limits.hpp"
#include "io/json_line.hpp"
#include "io/log.hpp"
#include "io/values.hpp"

namespace hallway::tool {

namespace {

/// Bytes of a message shown with -v; -vv shows all of them.
constexpr std::size_t excerpt_size = 64;

bool coloured() {
  const char* no_color = std::getenv("NO_COLOR");
  const bool unwanted = no_color != nullptr && *no_color != '\0';
  return !unwanted && spdlog::details::os::in_terminal(stderr) &&
         spdlog::details::os::is_color_terminal();
}

/// spdlog's pattern for "[name (pid)] words". A percent sign in the name is escaped.
std::string pattern() {
  std::string name;
  for (const char letter : printable(program_invocation_short_name)) {
    name += letter;
    if (letter == '%') name += letter;
  }
  return fmt::format("%^[{} (%P)]%$ %v", name);
}

std::string formatted(std::string_view words) {
  thread_local spdlog::pattern_formatter formatter(pattern());
  static const bool with_colours = coloured();
  const spdlog::details::log_msg message("hallway", spdlog::level::info, words);
  spdlog::memory_buf_t line;
  formatter.format(message, line);
  std::string text(line.data(), line.size());
  if (!with_colours) return text;
  return text.insert(message.color_range_end, "\x1b[m")
      .insert(message.color_range_start, "\x1b[32m");
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
                                {"process", std::string(program_invocation_short_name)},
                                {"pid", getpid()}};
  if (connection != 0) object["connection"] = connection;
  object.update(fields);
  return json_line(object);
}

/// Thread: any.
std::string line_of(bool json, std::string_view name, std::uint64_t connection,
                    std::string_view words, const nlohmann::ordered_json& fields) {
  if (json) return json_event(name, connection, fields);
  std::string line;
  if (connection != 0) line += fmt::format("connection {}: ", connection);
  line += name;
  if (!words.empty()) line += fmt::format(": {}", printable(words));
  return formatted(line);
}

nlohmann::ordered_json fields_of(const Error& error) {
  nlohmann::ordered_json fields{{"why", error.explain()}};
  if (!error.subject.empty()) fields["subject"] = error.subject;
  return fields;
}

/// "serve (serve_connections.cpp:80)": without namespaces, and the directory that the command was
/// built in.
std::string place_of(const WaitingTask& task) {
  const std::string file = task.file.substr(task.file.rfind('/') + 1);
  const std::string function = task.function.substr(task.function.rfind(':') + 1);
  return fmt::format("{} ({}:{})", function, file, task.line);
}

}  // namespace

/// Shared with the log's thread, which logs the counts.
class Events::Limits {
 public:
  EventLimits::Decision count(std::string_view kind) {
    const std::lock_guard lock(mutex_);
    return limits_.count(kind, std::chrono::steady_clock::now());
  }

  std::uint64_t take_suppressed(std::string_view kind) {
    const std::lock_guard lock(mutex_);
    return limits_.take_suppressed(kind);
  }

 private:
  std::mutex mutex_;
  EventLimits limits_;
};

Events::Events(Verbosity verbosity) : verbosity_(verbosity), limits_(std::make_shared<Limits>()) {
  Log::standard_error().on_dropped([json = verbosity.json](std::uint64_t missing) {
    const std::string words =
        counted(missing, "log line") + " dropped: standard error was not read";
    return line_of(json, "log", 0, words, {{"dropped", missing}});
  });
}

bool Events::logs(Level level) const noexcept {
  return std::to_underlying(level) <= verbosity_.level;
}

void Events::log(Level level, std::string_view name, std::uint64_t connection,
                 std::string_view words) {
  log(level, name, connection, words, nlohmann::ordered_json::object());
}

void Events::log(Level level, std::string_view name, std::uint64_t connection,
                 std::string_view words, const nlohmann::ordered_json& fields) {
  if (!logs(level) || !admits(level, name)) return;
  Log::standard_error().write(line_of(verbosity_.json, name, connection, words, fields));
}

bool Events::admits(Level level, std::string_view name) {
  if (level != Level::usual) return true;
  const auto decision = limits_->count(name);
  if (!decision.count_at) return decision.logged;
  const auto count = [limits = limits_, json = verbosity_.json, kind = std::string(name)] {
    const std::uint64_t suppressed = limits->take_suppressed(kind);
    return line_of(json, "not logged", 0, fmt::format("{} more \"{}\" events", suppressed, kind),
                   {{"kind", kind}, {"events", suppressed}});
  };
  Log::standard_error().write_at(*decision.count_at, count);
  return false;
}

void Events::message(std::string_view direction, std::uint64_t connection, std::string_view bytes) {
  if (!logs(Level::detail)) return;
  const std::size_t most = verbosity_.level > 1 ? bytes.size() : excerpt_size;
  if (verbosity_.json) {
    log(Level::detail, direction, connection, "",
        {{"bytes", bytes.size()}, {"data", std::string(beginning_of(bytes, most))}});
    return;
  }
  log(Level::detail, direction, connection,
      counted(bytes.size(), "byte") + ": " + excerpt(bytes, most));
}

void Events::error(std::string_view name, std::uint64_t connection, const Error& error) {
  log(Level::usual, name, connection, error.explain(), fields_of(error));
}

void Events::notice(std::string_view name, const Error& error) {
  if (!logs(Level::usual) || !admits(Level::usual, name)) return;
  Log::standard_error().write(verbosity_.json ? json_event(name, 0, fields_of(error))
                                              : formatted(printable(error.explain())));
}

void Events::not_ended(const std::vector<WaitingTask>& tasks) noexcept {
  if (tasks.empty()) return;
  try {
    // A server may have thousands that wait at the same place.
    std::map<std::string, std::size_t> places;
    for (const WaitingTask& task : tasks) ++places[place_of(task)];
    std::string words;
    auto fields = nlohmann::ordered_json::array();
    for (const auto& [place, count] : places) {
      words += fmt::format("{}{} in {}", words.empty() ? "" : ", ", counted(count, "task"), place);
      fields.push_back({{"place", place}, {"tasks", count}});
    }
    log(Level::usual, "not ended", 0, words, {{"places", std::move(fields)}});
  } catch (const std::exception&) {
    // The exit status still reports that the drain was cut short.
  }
}

LoopOptions logged_by(Events& events, LoopOptions options) {
  options.on_drain_cut = [&events](const std::vector<WaitingTask>& tasks) {
    events.not_ended(tasks);
  };
  return options;
}

nlohmann::ordered_json json_of(const Peer& peer) {
  nlohmann::ordered_json object{
      {"pid", peer.pid}, {"uid", peer.uid}, {"gid", peer.gid}, {"process", peer.process_name()}};
  if (peer.over_tcp) object["over_tcp"] = true;
  return object;
}

}  // namespace hallway::tool
