// SPDX-License-Identifier: Apache-2.0
//
// The flags of `hallway serve`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/limits.hpp>

#include "cli/cli_fwd.hpp"
#include "cli/flags.hpp"
#include "cli/handler_flags.hpp"
#include "cli/listening_flags.hpp"
#include "cli/verb.hpp"
#include "io/events.hpp"
#include "server/sandbox.hpp"

namespace hallway::tool {

namespace serve_defaults {
inline constexpr const char* ack = "__ACK__";
inline constexpr const char* exit_word = "exit";
inline constexpr Duration datagram_timeout = std::chrono::seconds(1);
}  // namespace serve_defaults

/// How a message is answered.
struct AnswerFlags {
  bool echo = false;
  std::optional<std::string> ack;
  std::vector<std::pair<std::string, std::string>> on;
  bool sized = false;
  bool hangup = false;
  bool broadcast = false;
  HandlerFlags handler;

  /// The reply that --on gives to this message, or nullptr.
  [[nodiscard]] const std::string* reply_to(std::string_view message) const;
};

struct ServeFlags {
  Verbosity verbosity;
  LoopOptions loop;
  Wire wire;
  Address address;
  AnswerFlags answer;
  std::vector<std::string> program;
  bool print = true;
  std::optional<std::string> exit_word;
  std::optional<std::string> stop_word;
  Listening listening;
  ServerLimits server_limits;
  Duration idle_time = Limits{}.idle_time;
  Duration handshake_time = Limits{}.handshake_time;
  std::optional<Duration> timeout;
  OverflowPolicy overflow = OverflowPolicy::disconnect;
  bool once = false;

  [[nodiscard]] Limits limits() const;

  /// What a server with these flags still needs once it listens.
  [[nodiscard]] SandboxNeeds sandbox_needs() const;

  [[nodiscard]] bool ends_connection(std::string_view message) const {
    return message == exit_word;
  }
  [[nodiscard]] bool stops_server(std::string_view message) const { return message == stop_word; }
};

/// Declares all flags. `flags` is complete and free of contradictions once `verb` was parsed.
void add_serve_flags(CLI::App& verb, ServeFlags& flags);

}  // namespace hallway::tool
