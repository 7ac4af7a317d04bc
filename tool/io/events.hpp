// SPDX-License-Identifier: Apache-2.0
//
// What happens, in words on stderr: one line per event, each with the name and pid of the process
// and the number of the connection; with --json, one object per line. Of what happens too often, a
// part is told and the rest is counted (event_limits.hpp); messages, which -v asks for, are all
// told.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include <hallway/error.hpp>
#include <hallway/peer.hpp>

namespace hallway::tool {

/// How much is said.
struct Verbosity {
  int verbosity = 0;  ///< -v, -vv; with -q: -1
  bool json = false;
};

class Events {
 public:
  /// Messages and other things that happen often are told from -v on. What is usual is limited.
  enum class Level : int { usual = 0, detail = 1 };

  explicit Events(Verbosity wordiness);

  [[nodiscard]] bool tells(Level level) const noexcept;

  /// Tells an event.
  /// @param connection  its number, or 0 where none is concerned
  /// @param words       for people; without it, `name` says all
  /// @param fields      for programs: members added to the JSON object
  void tell(Level level, std::string_view name, std::uint64_t connection, std::string_view words);
  void tell(Level level, std::string_view name, std::uint64_t connection, std::string_view words,
            const nlohmann::ordered_json& fields);

  /// Tells that a message went in ("received") or out ("sent"), with -v; -vv shows all of it.
  void message(std::string_view direction, std::uint64_t connection, std::string_view bytes);

  /// Tells an error that ends nothing but what it is about.
  void error(std::string_view name, std::uint64_t connection, const Error& error);

 private:
  class Limits;

  bool admits(Level level, std::string_view name);

  Verbosity wordiness_;
  std::shared_ptr<Limits> limits_;
};

nlohmann::ordered_json json_of(const Peer& peer);

}  // namespace hallway::tool
