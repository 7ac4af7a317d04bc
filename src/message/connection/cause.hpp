// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include <hallway/connection.hpp>
#include <hallway/error.hpp>
#include <hallway/message.hpp>
#include <hallway/peer.hpp>

namespace hallway::detail {

struct ConnectionConfig;

/// Why an operation did not end with Outcome::ok. Those without details are constants, one for each
/// outcome.
struct Cause {
  Outcome outcome = Outcome::ok;
  bool has_details = false;  ///< it is a DetailedCause on the heap
};

/// What the error of an operation on a connection needs. The words are made only when a program
/// asks for them: the name of a process has to be read from /proc.
struct DetailedCause : Cause {
  std::shared_ptr<const ConnectionConfig> config;
  Peer peer;
  std::optional<Error> failure;  ///< of Outcome::failed; none: out of memory
  std::size_t unfinished = 0;    ///< bytes that came before a timeout
  bool reset = false;            ///< the peer closed before it had read everything
  /// The program has not looked at a failure that no other call reports.
  mutable bool unread = false;
};

/// What an error is about: the address of the connection or, if it has none, its peer.
[[nodiscard]] std::string subject_of(const DetailedCause& cause);

}  // namespace hallway::detail
