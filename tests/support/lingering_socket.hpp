// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include <hallway/descriptor.hpp>

namespace hallway::test {

/// A TCP socket whose close(2) waits for a peer that does not read. Closing `theirs`, with what is
/// unread, ends the wait.
struct LingeringSocket {
  static constexpr std::chrono::seconds time{2};  ///< that it waits at most

  LingeringSocket();

  Descriptor ours;
  Descriptor theirs;
};

}  // namespace hallway::test
