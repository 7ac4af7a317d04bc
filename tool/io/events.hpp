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

#include <hallway/error.hpp>
#include <hallway/peer.hpp>

namespace hallway::tool {

/// How much is logged, and in which format.
struct Verbosity {
  int verbosity = 0;  ///< 1 with -v, 2 with -vv, -1 with -q
  bool json = false;
};

class Events {
 public:
  /// `detail`: messages and other frequent events, logged with -v. `usual`: rate-limited.
  enum class Level : int { usual = 0, detail = 1 };

  explicit Events(Verbosity wordiness);

  [[nodiscard]] bool tells(Level level) const noexcept;

  /// Logs an event.
  /// @param connection  the number of the connection, or 0 for none
  /// @param words       text for people; may be empty
  /// @param fields      for programs: members added to the JSON object
  void tell(Level level, std::string_view name, std::uint64_t connection, std::string_view words);
  void tell(Level level, std::string_view name, std::uint64_t connection, std::string_view words,
            const nlohmann::ordered_json& fields);

  /// With -v, logs a message that was "received" or "sent": an excerpt, or all of it with -vv.
  void message(std::string_view direction, std::uint64_t connection, std::string_view bytes);

  /// Logs an error that affects only its subject, and not the process.
  void error(std::string_view name, std::uint64_t connection, const Error& error);

 private:
  class Limits;

  bool admits(Level level, std::string_view name);

  Verbosity wordiness_;
  std::shared_ptr<Limits> limits_;
};

nlohmann::ordered_json json_of(const Peer& peer);

}  // namespace hallway::tool
