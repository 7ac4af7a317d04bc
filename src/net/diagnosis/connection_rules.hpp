// SPDX-License-Identifier: Apache-2.0
//
// The rules of explain() for the sockets of a process, by subject, and the words that they share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <hallway/diagnosis.hpp>

#include "net/diagnosis/connection_evidence.hpp"
#include "net/diagnosis/explain_parts.hpp"

namespace hallway::net {

/// A socket of the process, and what all rules ask about it.
struct ConnectionCase {
  const ConnectionEvidence& evidence;
  const ConnectionEnd& end;

  /// The process as one that has the socket open; nullptr: not in the evidence.
  [[nodiscard]] const EndHolder* own() const;
  /// Those that live and have the far end open.
  [[nodiscard]] std::vector<const EndHolder*> far_holders() const;
  [[nodiscard]] bool is_datagram() const { return end.here.type == SocketType::datagram; }
  /// It was looked at twice, and nothing had changed.
  [[nodiscard]] bool is_still() const { return end.moved == false; }
  /// A connected stream or seqpacket whose far end some process has open.
  [[nodiscard]] bool is_connection() const;
  /// A thread of the process sleeps in a read of the socket.
  [[nodiscard]] bool reads() const;
  [[nodiscard]] bool writes() const;
};

/// Why a process does not run, whatever it would do; nullopt: it could run.
struct Halt {
  std::string words;  ///< "is stopped by a signal (state T)"
  std::string fix;
  Certainty certainty = Certainty::certain;
};
std::optional<Halt> halt_of(const Process& process);

/// The send buffer has no room: a send waits.
bool is_send_buffer_full(const End& end);

/// "descriptor 3, connected to /run/app.sock of app[812]"
std::string place_words(const ConnectionCase& at);
/// "app[812]", "app[812], app[813]"; "the far end" if it was not seen.
std::string far_words(const ConnectionCase& at);
/// A line of evidence for each process at the far end.
std::vector<std::string> far_lines(const ConnectionCase& at);
/// "sleep[4711] (descriptor 4)"
std::string holder_words(const EndHolder& holder);

// --- the rules ----------------------------------------------------------------------------------

/// Whether the connection was accepted, and is still one.
void explain_connection_state(const ConnectionCase& at, Conclusions& found);
/// What was sent, and is not read at the far end.
void explain_sent(const ConnectionCase& at, Conclusions& found);
/// What was received, and is not read here.
void explain_received(const ConnectionCase& at, Conclusions& found);
/// The processes that have the ends open, and whether the end of the input can come.
void explain_holders(const ConnectionCase& at, Conclusions& found);
/// What only datagram sockets have.
void explain_datagrams(const ConnectionCase& at, Conclusions& found);
/// Descriptors, and programs in between.
void explain_passing(const ConnectionCase& at, Conclusions& found);

}  // namespace hallway::net
