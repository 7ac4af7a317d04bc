// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <hallway/peer.hpp>

#include "sys/file.hpp"

namespace hallway::net {

/// Whether the peer has power over this process in any case: it is root, or our own user. A peer
/// over TCP whose user is not known is neither, even if this process has the overflow uid.
[[nodiscard]] inline bool trusts(const Peer& peer) noexcept {
  if (peer.over_tcp && peer.uid == Peer::overflow_uid) return false;
  return peer.uid == 0 || peer.uid == sys::effective_uid();
}

}  // namespace hallway::net
