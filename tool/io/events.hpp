// SPDX-License-Identifier: Apache-2.0
//
// The event log on stderr: one line per event, with the name and pid of the process and the number
// of the connection; with --json, one object per line. If events are too frequent, some are logged
// and the rest are counted (event_limits.hpp). Messages, which -v shows, are never limited.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include <hallway/error.hpp>
#include <hallway/loop.hpp>
#include <hallway/peer.hpp>
#include <hallway/task_handle.hpp>

namespace hallway::tool {

/// How much is logged, and in which format.
struct Verbosity {
  int level = 0;  ///< 1 with -v, 2 with -vv, -1 with -q
  bool json = false;
};

class Events {
 public:
  /// `detail`: messages and other frequent events, logged with -v. `usual`: rate-limited.
  enum class Level : int { usual = 0, detail = 1 };

  explicit Events(Verbosity verbosity);

  [[nodiscard]] bool logs(Level level) const noexcept;

  /// Logs an event.
  /// @param connection  the number of the connection, or 0 for none
  /// @param words       text for people; may be empty
  /// @param fields      for programs: members added to the JSON object
  void log(Level level, std::string_view name, std::uint64_t connection, std::string_view words);
  void log(Level level, std::string_view name, std::uint64_t connection, std::string_view words,
           const nlohmann::ordered_json& fields);

  /// With -v, logs a message that was "received" or "sent": an excerpt, or all of it with -vv.
  void message(std::string_view direction, std::uint64_t connection, std::string_view bytes);

  /// Logs an error that affects only its subject, and not the process.
  void error(std::string_view name, std::uint64_t connection, const Error& error);

  /// Logs an event that the error describes completely: the text does not begin with its name.
  void notice(std::string_view name, const Error& error);

  /// Logs the tasks that had not ended when the time of a drain was up, and where they wait. Out of
  /// memory, it logs nothing.
  void not_ended(const std::vector<WaitingTask>& tasks) noexcept;

 private:
  class Limits;

  bool admits(Level level, std::string_view name);

  Verbosity verbosity_;
  std::shared_ptr<Limits> limits_;
};

/// The options, with Events::not_ended() as LoopOptions::on_drain_cut. `events` outlives the loop.
LoopOptions logged_by(Events& events, LoopOptions options);

nlohmann::ordered_json json_of(const Peer& peer);

}  // namespace hallway::tool
