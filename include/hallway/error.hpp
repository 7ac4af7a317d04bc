// SPDX-License-Identifier: Apache-2.0
// Layer: core
//
// How operations end, in three kinds:
//   - An Outcome is an ordinary event: the peer closed, nothing has arrived yet, the time is up. It
//     is part of the return type, and the caller decides what it means.
//   - An Error is something the system or a peer did that stops the operation. It travels in
//     Result<T>, unchanged, to a caller that can act on it.
//   - A bug in the calling program is asserted.
//
// Out of memory: the call that needed memory throws std::bad_alloc and changes nothing; it can be
// repeated. A destructor or a noexcept function never needs memory. Where there is no caller, the
// connection that needed memory ends with Outcome::failed, and the server and the loop go on. In a
// task, std::bad_alloc is like any other exception: it ends the task and, unless another task
// awaits that one, leaves Loop::turn() or run(), which can be called again.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>

#include <hallway/export.hpp>

namespace hallway {

/// Why an operation failed: `code` for programs, the rest for people.
struct HALLWAY_EXPORT Error {
  std::error_code code;   ///< compares with std::errc; errno's value if a system call failed
  std::string operation;  ///< what was attempted: "bind", "connect", "receive from"
  std::string subject;    ///< on what: an address, a subject; any bytes, unescaped; may be empty
  std::string reason;     ///< why, in words; if empty, the words of `code` apply
  std::string hint;       ///< what to do about it; empty if there is no useful advice

  /// One sentence, escaped by printable() (bytes.hpp), for example
  /// "bind unix:/tmp/unix_socket.sock: in use by pid 4711 (hallway), uid 1000", or without a code
  /// and a reason, for an event that is not a failure, "reconnected to unix:/tmp/hallway-hub.sock".
  [[nodiscard]] std::string explain() const;

  /// `reason`, or the words of `code` if `reason` is empty.
  [[nodiscard]] std::string why() const;
};

template <typename T>
using Result = std::expected<T, Error>;

/// Prints `error.explain()`, and its hint on a second line, on stderr. Returns 1, so that
/// `return report(error);` ends a main(). The library itself never calls it. The library prints
/// only a failed send at whose result the program did not look: see Sent (message.hpp).
HALLWAY_EXPORT int report(const Error& error);

/// How receiving or sending ended. Only `ok` carries a whole message.
enum class Outcome : std::uint8_t {
  ok,
  would_block,    ///< a try_ call: nothing has arrived yet, or the message does not fit now
  timed_out,      ///< the timeout expired; the connection is still usable
  end_of_stream,  ///< the peer sends nothing more; sending to it may still work
  peer_gone,      ///< the peer reset the connection, or closed it while we had more to send
  closed,         ///< this side closed it, or is draining
  truncated,      ///< a datagram was longer than max_message, and was cut off
  no_responders,  ///< a request to a hub: no subscription matches its subject
  failed,         ///< anything else; the object's error() explains
};

/// "ok", "would block", "end of stream" ...
HALLWAY_EXPORT std::string_view to_string(Outcome outcome) noexcept;

}  // namespace hallway
