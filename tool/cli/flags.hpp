// SPDX-License-Identifier: Apache-2.0
//
// Flags that several verbs share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/connection.hpp>
#include <hallway/framing.hpp>
#include <hallway/limits.hpp>
#include <hallway/loop.hpp>
#include <hallway/socket.hpp>

#include "cli/cli_fwd.hpp"
#include "cli/verb.hpp"
#include "io/events.hpp"
#include "io/values.hpp"

namespace hallway::tool {

/// Refuses flags that contradict each other. Thrown while the command line is read.
[[noreturn]] void refuse_flags(const std::string& flags, const std::string& why);

/// Whether a flag stands on the command line.
bool given(const CLI::App& verb, const std::string& name);

/// The words of the command line that are no flags, and those after "--". For verbs that take
/// messages there: a positional of CLI11's would take one in brackets apart. Such a verb has
/// allow_extras().
std::vector<std::string> words_of(const CLI::App& verb, const TrailingArgs& rest);

/// -q, -v and --json.
void add_wordiness(CLI::App& verb, Verbosity& wordiness);

/// How messages travel.
struct Wire {
  SocketType type = SocketType::stream;
  Framing framing = Framing::lines();
  std::size_t max_message = Limits{}.max_message;

  /// The library's limits, with room for the messages allowed here.
  [[nodiscard]] Limits limits() const;
};

/// --type alone.
void add_type(CLI::App& verb, SocketType& type);

/// --spin: how a loop of the command's waits.
void add_spin(CLI::App& verb, LoopOptions& loop);

/// --type, --framing and --max-message.
void add_wire(CLI::App& verb, Wire& wire);

/// Refuses --framing where packets need none.
void check_wire(const CLI::App& verb, const Wire& wire);

/// HALLWAY_ADDRESS, or the default.
std::string default_address();

/// HALLWAY_HUB, or where a hub listens by default.
std::string default_hub_address();

/// The address in a word; a usage error that names it where it is none.
Address read_address(const std::string& word);

/// The verbs that connect: to whom, and what they make sure of.
struct Target {
  Address address;
  std::optional<std::uint32_t> server_uid;
  std::optional<Duration> timeout;
};

/// --server-uid, and --timeout with a help text of the verb's own.
void add_reach(CLI::App& verb, Target& target, const std::string& timeout_help);

/// An error of a conversation as a person needs it. Of a program at the other end: the kernel names
/// whoever made the socket pair, which is ourselves. Of a server that ended it before a word:
/// whoever it turns away sees the same as if it broke; the kernel tells no more, so a hint has to
/// do.
Error about(const Target& target, Error error, const Counters& counters);

/// Refuses --server-uid where nobody can vouch for it.
void check_reach(const CLI::App& verb, const Target& target, SocketType type);

}  // namespace hallway::tool
