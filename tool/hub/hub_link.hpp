// SPDX-License-Identifier: Apache-2.0
//
// The link of a hub to NATS servers, which runs in another process (link_records.hpp). That process
// uses libnats, OpenSSL and the network; the hub only maps their shared libraries. This class
// starts it and logs its events as if the link were part of the hub.
#pragma once

#include <memory>

#include <hallway/address.hpp>
#include <hallway/error.hpp>
#include <hallway/link.hpp>
#include <hallway/loop.hpp>

#include "io/events.hpp"

namespace hallway::tool {

class HubLink {
 public:
  /// Starts the watcher process; this process starts no others after that. The link ends when
  /// `loop` drains, which waits for it, or else with this process.
  /// Blocking: until the hub, which runs on this loop, has accepted the link.
  /// @errors those of Link::start(); function_not_supported: built without libnats
  static Result<HubLink> open(Loop& loop, const Address& hub, const LinkOptions& options,
                              const LoopOptions& spin, Events& events);

  /// Totals over all worker processes so far. They may be up to a second old.
  [[nodiscard]] LinkStatistics statistics() const;

 private:
  struct State;
  HubLink(std::shared_ptr<State> state, Loop::DrainCallback on_drain)
      : state_(std::move(state)), on_drain_(std::move(on_drain)) {}

  std::shared_ptr<State> state_;
  Loop::DrainCallback on_drain_;
};

}  // namespace hallway::tool
