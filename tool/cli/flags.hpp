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

/// "unknown flag --ecko; did you mean --echo?"
std::string unknown_flag(const CLI::App& verb, const std::string& word);

/// Whether a flag was given on the command line.
bool given(const CLI::App& verb, const std::string& name);

/// The words of the command line that are not flags, and those after "--". For verbs that take
/// messages there: a positional of CLI11 would split a message in brackets. Such a verb has
/// allow_extras().
std::vector<std::string> words_of(const CLI::App& verb, const TrailingArgs& rest);

/// -q, -v and --json.
/// @param verbose  the help text of -v; the default is for verbs that log messages
void add_verbosity(
    CLI::App& verb, Verbosity& verbosity,
    const std::string& verbose = "Also log each message; twice: each message completely");

/// --json. Only true is accepted: main.cpp decides whether failures are JSON before flags are
/// parsed.
void add_json(CLI::App& verb, bool& json, const std::string& help);

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

/// Parses an address. Throws a usage error that names the word if it is not one.
Address read_address(const std::string& word);

/// What a verb that connects is given: the address, the server's expected uid, the timeout.
struct Target {
  Address address;
  std::optional<std::uint32_t> server_uid;
  bool any_server = false;  ///< --server-uid any
  std::optional<Duration> timeout;
  Duration retry_for = Duration::zero();  ///< while no server listens

  /// Whether only a server of root and of this user is accepted: every user may take the address,
  /// because its directory is writable for all, and --server-uid does not name the server's user.
  [[nodiscard]] bool requires_trust() const;

  /// The owner that the socket file of a datagram server must have; nullopt: any. A datagram socket
  /// does not report the user that reads from it.
  /// @errors operation_not_permitted: the address requires_trust(), and its owner is another user
  [[nodiscard]] Result<std::optional<std::uint32_t>> datagram_server_uid() const;
};

/// --server-uid, and --timeout with the verb's own help text.
void add_target_flags(CLI::App& verb, Target& target, const std::string& timeout_help);

/// --retry, for a verb that opens one connection.
void add_retry(CLI::App& verb, Target& target);

/// Completes the error of a connection for a person to read. If the peer is a program that hallway
/// started, the program becomes the subject: the kernel reports this process, which made the socket
/// pair. If a server closed the connection before it sent a byte, a hint is added: a client cannot
/// distinguish a failure of the server from being turned away.
Error about(const Target& target, Error error, const Counters& counters);

/// The error of a wait that --timeout ended. If only a part of a message came, it suggests that the
/// framings differ instead of naming `what`.
Error timed_out(Error error, const std::string& what, Duration timeout);

/// Refuses --server-uid where the server's uid cannot be verified, and --retry where there is
/// nothing to wait for.
void check_target(const CLI::App& verb, const Target& target, SocketType type);

}  // namespace hallway::tool
