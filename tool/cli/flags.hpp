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

/// Refuses flags that contradict each other. Throws; for use while the command line is parsed.
[[noreturn]] void refuse_flags(const std::string& flags, const std::string& why);

/// Whether a flag was given on the command line.
bool given(const CLI::App& verb, const std::string& name);

/// The words of the command line that are not flags, and those after "--". For verbs that take
/// messages there: a positional of CLI11 would split a message in brackets. Such a verb has
/// allow_extras().
std::vector<std::string> words_of(const CLI::App& verb, const TrailingArgs& rest);

/// -q, -v and --json.
void add_wordiness(CLI::App& verb, Verbosity& wordiness);

/// The socket type, the framing and the message size limit of a connection.
struct Wire {
  SocketType type = SocketType::stream;
  Framing framing = Framing::lines();
  std::size_t max_message = Limits{}.max_message;

  /// The library's default limits, raised so that messages of `max_message` fit.
  [[nodiscard]] Limits limits() const;
};

/// --type only.
void add_type(CLI::App& verb, SocketType& type);

/// --spin: how long the command's loop polls before it sleeps.
void add_spin(CLI::App& verb, LoopOptions& loop);

/// --type, --framing and --max-message.
void add_wire(CLI::App& verb, Wire& wire);

/// Refuses --framing for types other than stream, which need none.
void check_wire(const CLI::App& verb, const Wire& wire);

/// HALLWAY_ADDRESS, or the default.
std::string default_address();

/// HALLWAY_HUB, or the default address of a hub.
std::string default_hub_address();

/// Parses an address. Throws a usage error that names the word if it is not one.
Address read_address(const std::string& word);

/// What a verb that connects is given: the address, the server's expected uid, the timeout.
struct Target {
  Address address;
  std::optional<std::uint32_t> server_uid;
  std::optional<Duration> timeout;
};

/// --server-uid, and --timeout with the verb's own help text.
void add_reach(CLI::App& verb, Target& target, const std::string& timeout_help);

/// Adds to an error of a connection what a person needs. If the peer is a program, the subject
/// becomes the program, because the kernel reports the maker of the socket pair, which is this
/// process. If a server closed the connection before it sent a byte, a hint is added: to the
/// client, a failure and being turned away look the same, because the kernel reports no more.
Error about(const Target& target, Error error, const Counters& counters);

/// Refuses --server-uid where the server's uid cannot be verified.
void check_reach(const CLI::App& verb, const Target& target, SocketType type);

}  // namespace hallway::tool
