// SPDX-License-Identifier: Apache-2.0
// Layer: core
//
// How things end here, in three kinds:
//   - An Outcome is an ordinary day: the peer closed, nothing has arrived yet, time is up. It is
//     part of the return type, and the caller decides what it means.
//   - An Error is something the system or a peer did that stops the operation. It travels in
//     Result<T>, unchanged, to somebody who can act on it.
//   - A bug in the calling program is asserted.
//
// Out of memory: the call that needed it throws std::bad_alloc and has changed nothing; it can be
// made again. A destructor or a noexcept function never needs any. Where there is no caller, the
// connection that needed it ends with Outcome::failed, and the server and the loop go on. In a
// task, std::bad_alloc is as any exception: it ends the task, and unless somebody awaits that it
// leaves Loop::turn() or run(), which can be called again.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>

#include <hallway/export.hpp>

namespace hallway {

/// Why an operation failed, for a program (`code`) and for a person (the rest).
struct HALLWAY_EXPORT Error {
  std::error_code code;   ///< compares with std::errc; errno's value where the kernel said no
  std::string operation;  ///< what was attempted: "bind", "connect", "receive"
  std::string subject;    ///< on what: an address, a subject; any bytes, as they are; may be empty
  std::string reason;     ///< why, in words; empty means the words of `code`
  std::string hint;       ///< what to do about it; empty where nothing sensible can be said

  /// One sentence, printable() (bytes.hpp), for example
  /// "bind unix:/tmp/unix_socket.sock: in use by pid 4711 (hallway), uid 1000".
  [[nodiscard]] std::string explain() const;

  /// `reason`, or the words of `code` where no better ones are known.
  [[nodiscard]] std::string why() const;
};

template <typename T>
using Result = std::expected<T, Error>;

/// Prints `error.explain()`, and its hint on a second line, on stderr. Returns 1, so that
/// `return report(error);` ends a main(). The library itself never calls it.
HALLWAY_EXPORT int report(const Error& error);

/// How receiving or sending ended. Only `ok` carries a whole message.
enum class Outcome : std::uint8_t {
  ok,
  would_block,    ///< a try_ call: nothing is there yet, or it does not fit now
  timed_out,      ///< the deadline passed; the connection is still usable
  end_of_stream,  ///< the peer has said all it will; sending to it may still work
  peer_gone,      ///< the peer reset the connection or closed it while we had more to say
  closed,         ///< this side closed it, or is draining
  truncated,      ///< data or descriptors of this one message did not arrive whole
  no_responders,  ///< a request to a hub, and nobody listens to its subject
  failed,         ///< anything else; the object's error() explains
};

/// "ok", "would block", "end of stream" ...
HALLWAY_EXPORT std::string_view to_string(Outcome outcome) noexcept;

}  // namespace hallway
