// SPDX-License-Identifier: Apache-2.0
//
// The link of a hub to NATS servers, which is another process (link_records.hpp): libnats, OpenSSL
// and the network are there, and the hub has none of it but the text of their shared libraries.
// Here it is started, and told in events as if it were a part of the hub.
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
  /// Starts the processes; no others are started from here on. The link ends when `loop` drains,
  /// which waits for it, and else with this process.
  /// Blocking: until the hub, which is on this loop, has taken it in.
  /// @errors those of Link::start(); function_not_supported: there is no libnats
  static Result<HubLink> open(Loop& loop, const Address& hub, const LinkOptions& options,
                              const LoopOptions& spin, Events& events);

  HubLink(HubLink&&) noexcept = default;
  HubLink& operator=(HubLink&&) noexcept = default;
  ~HubLink();

  /// Of all its processes so far, as the last of them has told: up to a second ago.
  [[nodiscard]] LinkStatistics statistics() const;

 private:
  struct State;
  explicit HubLink(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

}  // namespace hallway::tool
