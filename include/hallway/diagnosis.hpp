// SPDX-License-Identifier: Apache-2.0
// Layer: net
//
// Finds out why an address cannot be reached, or bound to. The kernel reports a dozen causes as one
// of four error numbers; diagnose() looks at the path, the socket, its server and this program, and
// says which cause it is, what shows it, and the smallest remedy. The server need not be a program
// of Hallway.
//
//     const auto diagnosis = hallway::diagnose(*hallway::Address::parse("/run/app.sock"));
//     std::puts(diagnosis.to_string().c_str());
//
// It changes nothing. At most it connects once to a socket that listens, sends nothing and closes
// at once (DiagnoseOptions::probe): the server sees one client come and go.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/socket.hpp>

namespace hallway {

/// How sure a Finding is of its cause.
enum class Certainty : std::uint8_t {
  certain,   ///< the evidence allows no other cause
  likely,    ///< the evidence fits this cause, and no other that is known
  possible,  ///< something that decides could not be looked at
};

/// "certain", "likely", "possible".
HALLWAY_EXPORT std::string_view to_string(Certainty certainty) noexcept;

/// One cause, or one thing that is odd.
struct HALLWAY_EXPORT Finding {
  /// For programs: a word for the cause that later versions keep, such as "stale_file",
  /// "no_permission_on_directory" or "backlog_full". docs/DIAGNOSE.md lists all of them.
  std::string cause;
  Certainty certainty = Certainty::certain;
  std::string sentence;               ///< what is wrong: "permission denied: www-data may not ..."
  std::vector<std::string> evidence;  ///< what was seen, a line each, in the order to read it
  std::string fix;                    ///< the smallest remedy; empty if nothing need be done
};

/// What diagnose() found. All texts are for people; bytes that came from a name are escaped by
/// printable() (bytes.hpp).
struct HALLWAY_EXPORT Diagnosis {
  /// What a healthy address is used for.
  enum class State : std::uint8_t {
    healthy,      ///< a client is served, or the name can be bound to
    unreachable,  ///< no server can be reached there
    stuck,        ///< a server is there, but it does not get to its clients
    denied,       ///< this subject may not
    wrong,        ///< anything else that prevents it
  };

  State state = State::healthy;
  std::string summary;              ///< one line: "healthy: app[4711], uid 990, listens ..."
  std::vector<Finding> findings;    ///< what stops it, the first obstacle first; empty if healthy
  std::vector<Finding> also;        ///< what is odd and stops nothing
  std::vector<std::string> unseen;  ///< what could not be looked at, and why

  /// The text that `hallway diagnose` prints, in several lines without a newline at the end.
  [[nodiscard]] std::string to_string() const;
};

/// "healthy", "unreachable", ...
HALLWAY_EXPORT std::string_view to_string(Diagnosis::State state) noexcept;

/// The subject for which, and the purpose for which, an address is looked at.
struct DiagnoseOptions {
  /// Whether to ask why a server cannot bind to the address, instead of why a client cannot
  /// connect.
  bool bind = false;
  /// The type the client would use. Unset: that of the socket that is there.
  std::optional<SocketType> type = {};
  /// Look as this user would: its permissions, by the user database. At most one of as_uid and
  /// as_pid; neither: this process.
  std::optional<std::uint32_t> as_uid = {};
  /// Look as this process would: its groups, root, mounts, network namespace and limits.
  std::optional<std::int32_t> as_pid = {};
  /// Whether to connect once, without which a server in another network namespace may stay unseen.
  /// Not connected to are a datagram socket, a socket whose service systemd would start, and one
  /// whose queue is half full of clients.
  bool probe = true;
};

/// Blocking: some milliseconds, about a second more where clients wait for the server, and at most
/// about 6 s on a machine with very many processes. No privilege is needed; what only root may look
/// at is named in Diagnosis::unseen.
/// @errors invalid_argument: as_uid and as_pid are both given, or the address is neither a path nor
///         an abstract name; no_such_process: as_pid is not there; permission_denied: it is hidden
///         from us (/proc is mounted with hidepid)
/// Thread: any.
HALLWAY_EXPORT Result<Diagnosis> diagnose(const Address& address,
                                          const DiagnoseOptions& options = {});

/// Looks at the Unix sockets that a process has open, connections and datagram sockets, and says
/// which of them is stuck, half dead or misused, and why: a far end that does not read, a full
/// queue of datagrams, a server that has gone, an end that a child process inherited. With `to`,
/// only those that lead to this address. A connection without anything in its queues is healthy,
/// and so is a server that waits for requests.
///
/// It never writes, sends or connects. Blocking: some milliseconds, 150 ms more if something waits
/// unread, because only a second look shows whether it moves, and at most about 4 s on a machine
/// with very many processes.
///
/// Diagnosis::state is `healthy`, `stuck` (something waits and does not get on) or `wrong` (a
/// socket is of no use, or no socket of the process leads to `to`). Only root may see the
/// descriptors of processes of other users: which of them has the far end open then stays unknown,
/// and Diagnosis::unseen names how many they are. Sockets of other network namespaces are not seen.
/// @errors no_such_process: there is no process of that number; permission_denied: its descriptors
///         are not ours to read; invalid_argument: `to` is neither a path nor an abstract name;
///         protocol_not_supported, address_family_not_supported: this kernel, or a filter of system
///         calls, does not allow to list sockets
/// Thread: any.
HALLWAY_EXPORT Result<Diagnosis> diagnose_connections(
    std::int32_t pid, const std::optional<Address>& to = std::nullopt);

}  // namespace hallway
