// SPDX-License-Identifier: Apache-2.0
//
// The rules of explain(), by subject. Each adds what it concludes; they are asked in the order in
// which the kernel would meet the obstacles.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <hallway/diagnosis.hpp>

#include "net/diagnosis/causes.hpp"
#include "net/diagnosis/evidence.hpp"

namespace hallway::net {

struct Conclusions {
  std::vector<Finding> stops;  ///< the first obstacle first
  std::vector<Finding> odd;    ///< what stops nothing
};

Finding finding(CauseWord cause, Certainty certainty, std::string sentence, std::string fix = {},
                std::vector<std::string> evidence = {});

// --- what the evidence has ----------------------------------------------------------------------

/// What the path leads to; nullptr for an abstract name, and if the walk ended before.
const PathStep* target_of(const Evidence& evidence);

/// The last name of the path itself, which may be a symbolic link; nullptr as above.
const PathStep* own_name_of(const Evidence& evidence);

/// The directory that holds, or would hold, the last name; nullptr if the walk ended before.
const PathStep* parent_of(const Evidence& evidence);

/// A directory to which ".." leads back: it has been a step before.
bool is_met_again(const Evidence& evidence, const PathStep& step);

/// The sockets behind the address that the subject can reach: an abstract name only in its own
/// network namespace.
std::vector<const SocketEntry*> reachable_sockets(const Evidence& evidence);

/// The one of them that serves clients: it listens, or receives datagrams. nullptr: none was seen.
const SocketEntry* serving_socket(const Evidence& evidence);

/// The processes behind the serving socket that live, as far as they could be seen.
std::vector<const Process*> servers_of(const Evidence& evidence);

/// The subject is this process, and the probe connected.
bool has_connected(const Evidence& evidence);

/// The subject is this process, and the answer of the kernel to the probe shows that the files'
/// permissions allow it.
bool has_permission(const Evidence& evidence);

/// A live socket, listening or not, is behind the address.
bool is_alive(const Evidence& evidence);

/// The process that has one of Evidence::connected open; nullptr: none was seen.
const Process* holder_of_connected(const Evidence& evidence);

/// "listening: app[4711], uid 990, app.service, since 3 d, 0 of 4096 waiting"; empty: not known.
std::vector<std::string> server_lines(const Evidence& evidence);

/// The command that restarts the server of a unit, or a sentence that asks for it.
std::string restart_words(const std::string& unit);

/// A line of evidence for a socket and those that have it open.
std::string line_for(const SocketEntry& socket);

// --- the rules ----------------------------------------------------------------------------------

/// The program itself: its descriptors, its system call filter.
void explain_subject(const Evidence& evidence, Conclusions& found);

/// The names of the path in turn, up to the last one.
/// @return whether the walk reaches the last name
bool explain_walk(const Evidence& evidence, Conclusions& found);

/// Why the subject may not write to the socket file.
void explain_socket_permission(const Evidence& evidence, Conclusions& found);

/// The name at `evidence.steps[at]` is missing, or the abstract name if there are no steps.
Finding explain_missing(const Evidence& evidence, std::size_t at);

/// The server lives, and what it bound cannot be found under the name.
std::optional<Finding> explain_elsewhere(const Evidence& evidence);

/// The unit of systemd that should be behind the name.
std::optional<Finding> explain_unit(const Evidence& evidence);

/// Descriptors that a service manager meant for another process, or under other names.
void explain_activation(const Evidence& evidence, Conclusions& found);

/// What the path or abstract name leads to is there: can it be connected to?
void explain_target(const Evidence& evidence, Conclusions& found);

/// A server is there: does it get to its clients, and what did it do to the probe?
void explain_server(const Evidence& evidence, Conclusions& found);

/// The probe failed, and nothing so far says why.
void explain_refusal(const Evidence& evidence, Conclusions& found);

/// What is odd about an address that a client connects to.
void note_oddities(const Evidence& evidence, Conclusions& found);

/// The path is longer than what other programs accept.
void note_long_path(const Evidence& evidence, Conclusions& found);

/// Everything about a server that wants to bind.
void explain_bind(const Evidence& evidence, Conclusions& found);

}  // namespace hallway::net
